"""test_lmtp.py - Postfix delivers by LMTP to lda-lmtp, wired as
packaging/postfix says: many recipients, cached connections, probes, each of
the transports that Dovecot and Cyrus are wired by, and many uids.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import postfix
import test_pipe
import world as world_module
from cases import Skip, has, lacks, same, test, true
from wiring import SNIPPETS, Inetd, Wiring, sent, users
from world import free_port, mails, read, write

LMTP = "/usr/local/sbin/lda-lmtp"
HOME = "/srv/mail/example.com/%s"


def message(subject="x", body=b"hello\n"):
    return b"Subject: %s\nMessage-ID: <1@x>\n\n%s" % (subject.encode(), body)


def fresh(*names, domain="example.com"):
    for name in names:
        shutil.rmtree("/srv/mail/%s/%s" % (domain, name), ignore_errors=True)


def box(name, *folder):
    return mails(HOME % name + "/Maildir", *folder)


def one(name, *folder):
    found = box(name, *folder)
    same(len(found), 1, "mails of " + name)
    return read(found[0])


@test()
def one_recipient_and_what_stands_on_top(world):
    users("bob@example.com::::::")
    fresh("bob")
    with Wiring(world, "virtual-lmtp") as wired:
        queue_id, result = wired.deliver(
            "a@sender.invalid", "bob@example.com", message())
        sent(result)
        has(result.text, r"^250 2\.0\.0 <bob@example\.com> delivered$")
        text = one("bob").decode()
        has(text, r"\AReturn-Path: <a@sender\.invalid>\n"
            r"Delivered-To: bob@example\.com\n"
            r"Received: from mx\.invalid\n\tby mx\.invalid \(lda\) with LMTP\n"
            r"\tid [0-9a-f]{16}\n\tfor <bob@example\.com>; \w{3}, \d+ \w{3} "
            r"\d{4} [\d:]{8} [+-]\d{4}\nReceived: ")
        line = world.sink.wait(
            lambda line: line.text.startswith("lda-lmtp(bob@example.com): "))
        has(line.text, "saved mail to INBOX", "queue_id=" + queue_id)


@test()
def fifty_recipients_have_fifty_fates(world):
    """Every fifth is over quota, every seventh has no home to be reached."""
    lines, fate = [], {}
    for n in range(50):
        name, more = "u%d" % n, ""
        home = HOME % name
        fresh(name)
        fate[name] = ("2.0.0", "sent")
        if n % 5 == 4:
            more = "userdb_quota_rule=*:bytes=10"
            fate[name] = ("4.2.2", "deferred")
        elif n % 7 == 6:
            home = "/root/%s" % name
            fate[name] = ("4.2.1", "deferred")
        lines.append("%s@example.com:::::%s::%s" % (name, home, more))
    users(*lines)
    # Unknown ones get as far as lda-lmtp where smtpd does not ask.
    fate["nobody1"] = fate["nobody2"] = ("5.1.1", "bounced")
    with Wiring(world, "virtual-lmtp",
                main="virtual_mailbox_maps = static:all\n") as wired:
        mark = world.sink.mark()
        queue_id = wired.send(
            "a@sender.invalid",
            ["%s@example.com" % name for name in fate], message())
        for name, (dsn, status) in fate.items():
            result = wired.result(queue_id, name + "@example.com", mark)
            same((result.dsn, result.status), (dsn, status),
                 "%s: %s" % (name, result))
            same(len(box(name)), 1 if status == "sent" else 0,
                 "mails of " + name)


@test()
def connections_are_used_again(world):
    users("bob@example.com::::::")
    fresh("bob")
    with Wiring(world, "virtual-lmtp", main="lmtp_connection_cache_"
                "destinations = unix:private/lda-lmtp\n"
                "virtual_mailbox_maps = static:all\n"
                "lmtp_destination_concurrency_limit = 1\n"
                "default_process_limit = 2\n") as wired:
        mark = world.sink.mark()
        done = subprocess.run(
            ["/usr/sbin/smtp-source", "-s", "2", "-m", "60", "-c", "-f",
             "a@sender.invalid", "-t", "bob@example.com", "127.0.0.1:%d"
             % wired.port], capture_output=True, timeout=60)
        same(done.returncode, 0, "smtp-source: %r" % done.stderr)
        sent_lines = set()

        def is_last(line):
            if " status=sent" in line.text:
                sent_lines.add(line.raw)
            return len(sent_lines) >= 60
        true(world.sink.wait(is_last, mark, 60), "not all were sent")
        again = [line for line in world.sink.since(mark)
                 if re.search(r"conn_use=\d+", line.text)]
        true(len(again) >= 30, "only %d of 60 over a used connection"
             % len(again))
        same(len(box("bob")), 60, "mails")


@test()
def detail_utf8_long_lines_and_odd_octets(world):
    users("bob@example.com::::::")
    fresh("bob")
    body = (b"\xff\x00 eight bits\n" + b"y" * 5000 + b"\n.\n..\n"
            + b"lone\rcr\n\xc3\xa4\n")
    with Wiring(world, "virtual-lmtp",
                main="smtputf8_enable = yes\n"
                "message_strip_characters =\n") as wired:
        world.make_home("bob@example.com")
        for sub in ("", "cur", "new", "tmp"):
            os.makedirs(HOME % "bob" + "/Maildir/.work/" + sub, exist_ok=True)
        subprocess.run(["chown", "-R", "vmail:", HOME % "bob"], check=True)
        sent(wired.deliver("a@sender.invalid", "bob+work@example.com",
                           message("work", body))[1])
        text = one("bob", ".work")
        true(text.endswith(b"\n\n" + body), "body: %r" % text[-200:])
        sent(wired.deliver("\u00e4@sender.invalid", "BOB@Example.COM",
                           message("utf8"))[1])
        has(one("bob").decode(), "Return-Path: <\u00e4@sender.invalid>\n",
            "with UTF8LMTP\n")


@test()
def loops_end(world):
    users("bob@example.com::::::")
    fresh("bob")
    with Wiring(world, "virtual-lmtp", main="hopcount_limit = 200\n") \
            as wired:
        below = (b"Received: from x by y; Mon, 1 Jan 2024 00:00:00 +0000\n"
                 b"Delivered-To: bob@example.com\n")
        result = wired.deliver("", "bob@example.com", below + message())[1]
        same((result.dsn, result.status), ("5.4.6", "bounced"), str(result))
        many = (b"Received: from x by y; Mon, 1 Jan 2024 00:00:00 +0000\n"
                * 49)
        result = wired.deliver("", "bob@example.com", many + message())[1]
        same((result.dsn, result.status), ("5.4.6", "bounced"), str(result))
        same(box("bob"), [], "mails")
        # Above all Received fields it was written by who hands us the mail.
        sent(wired.deliver("", "bob@example.com",
                           b"Delivered-To: eve@example.com\n" + message())[1])


@test()
def one_file_for_fifty_recipients(world):
    names = ["s%d" % n for n in range(50)]
    users(*["%s@example.com::::::" % name for name in names])
    fresh(*names)
    with Wiring(world, "virtual-lmtp", conf="lmtp_hdr_delivery_address = none"
                "\n") as wired:
        mark = world.sink.mark()
        queue_id = wired.send(
            "a@sender.invalid", ["%s@example.com" % name for name in names],
            message("big", b"z" * 79 + b"\n") + b"y" * 79 + b"\n"
            + (b"x" * 79 + b"\n") * 13000)
        for name in names:
            sent(wired.result(queue_id, name + "@example.com", mark))
        files = {os.stat(box(name)[0]).st_ino for name in names}
        same(len(files), 1, "files")
        same(os.stat(box("s0")[0]).st_nlink, 50, "names of the one")
        true(os.stat(box("s0")[0]).st_size > 1000000, "size")


@test()
def probes_find_out_who_exists(world):
    users("bob@example.com::::::")
    fresh("bob", "nobody")
    with Wiring(world, "virtual-lmtp-probe") as wired:
        has(wired.rcpt("bob@example.com"), r"^250 ")
        has(wired.rcpt("nobody@example.com"), r"^550 .*no such user here")
        has(wired.rcpt("bob+work@example.com"), r"^250 ")
        same(box("bob"), [], "a probe has delivered")
        os.unlink("/etc/lda.users")
        has(wired.rcpt("eve@example.com"), r"^450 ")


@test()
def an_address_beyond_ASCII(world):
    users("j\u00fcrgen@example.com::::::")
    fresh("j\u00fcrgen")
    with Wiring(world, "virtual-lmtp") as wired:
        for name in ("j\u00fcrgen", "j\u00fcrgen+x"):
            result = wired.deliver("\u00e4@sender.invalid",
                                   name + "@example.com", message())[1]
            sent(result)
        text = read(box("j\u00fcrgen")[0]).decode()
        has(text, r"\AReturn-Path: <\u00e4@sender\.invalid>\n"
            r"Delivered-To: j\u00fcrgen(\+x)?@example\.com\n",
            r"with UTF8LMTP\n")
        
        same(len(box("j\u00fcrgen")), 2, "mails")


@test()
def a_message_that_SIZE_forbids_never_comes(world):
    users("bob@example.com::::::")
    fresh("bob")
    with Wiring(world, "virtual-lmtp", conf="message_size_limit = 20k\n") \
            as wired:
        result = wired.deliver("a@sender.invalid", "bob@example.com",
                               message(body=b"0123456\n" * 4000))[1]
        same((result.dsn, result.status), ("5.3.4", "bounced"), str(result))
        has(result.text, "exceeds size limit 20480")
        sent(wired.deliver("a@sender.invalid", "bob@example.com",
                           message())[1])
        same(len(box("bob")), 1, "mails")


@test()
def delivered_is_said_with_flags_X(world):
    """The notice that a sender asks for with NOTIFY=SUCCESS."""
    users("bob@example.com::::::", "ann@example.com::::::")
    for flags, want in (("", "relayed"), (" flags=X", "delivered")):
        fresh("bob", "ann")
        with Wiring(world, "virtual-lmtp", changes=[(
                "lmtp:unix:", "lda-client:unix:")],
                master="lda-client unix - - n - - lmtp%s\n" % flags) as wired:
            mark = world.sink.mark()
            with postfix.smtplib.SMTP("127.0.0.1", wired.port) as smtp:
                smtp.sendmail("ann@example.com", "bob@example.com", message(),
                              rcpt_options=["NOTIFY=SUCCESS"])
            line = world.sink.wait(
                lambda line: "to=<ann@example.com>" in line.text
                and "status=sent" in line.text, mark)
            true(line, "no notice has come")
            same(len(box("bob")), 1, "mails of bob")
            has(one("ann").decode(), r"(?m)^Action: %s$" % want)


@test()
def Postfix_has_nothing_to_complain_about(world):
    """Each directory that wires Postfix, by the two that look: postfix check,
    and a delivery, or what smtpd has to say."""
    users("bob@example.com::::::", "bob::::::")
    for names in (["virtual-lmtp"], ["virtual-lmtp", "over-quota"],
                  ["virtual-lmtp-probe"], ["virtual-lmtp-uids"],
                  ["virtual-pipe"], ["virtual-pipe", "over-quota"],
                  ["mailbox-transport"], ["local-transport"],
                  ["fallback-transport"], ["before-cyrus"],
                  ["before-dovecot"]):
        mark = world.sink.mark()
        # The others' users are asked of servers that are not there.
        more = "virtual_mailbox_maps = static:all\n" if (
            names[0].startswith("before-")) else ""
        with Wiring(world, *names, main=more) as wired:
            done = wired.command("/usr/sbin/postfix", "check")
            same((done.returncode, done.stderr), (0, ""),
                 "postfix check with %s" % names)
            name = "bob@" + ("mx.invalid" if "virtual_mailbox_domains" not in
                             read(wired.etc + "/main.cf").decode()
                             else "example.com")
            queue_id = wired.send("a@sender.invalid", name, message())
            wired.result(queue_id)
        # Servers that are not there, and the clock of a file system that is
        # none of this machine, are no matter of the wiring.
        said = [line.text for line in world.sink.since(mark)
                if line.tag.startswith("postfix")
                and re.search("warning|error|fatal|panic", line.text)
                and not re.search("said:|file system clock|file time stamps",
                                  line.text)]
        same(said, [], "log of Postfix with %s" % names)


# Killed in the middle.

BIG = b"0123456789abcdef" * 64 + b"\n"


def caught_in_a_message(world, wired):
    """Sends a big message until an lda-lmtp could be stopped while it was
    reading it: its pid and the message's queue id."""
    for _ in range(8):
        queued = []
        text = message(body=BIG * 40000)

        def send():
            queued.append(wired.send("a@sender.invalid", "bob@example.com",
                                     text))
        thread = threading.Thread(target=send)
        pid = world_module.catch("lda-lmtp", 5000, thread.start)
        thread.join()
        while pid and (octets := test_pipe.octets_read(pid)) is not None:
            if octets > 200000:
                return pid, queued[0]
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.0005)
            os.kill(pid, signal.SIGSTOP)
        sent(wired.result(queued[0]))
        fresh("bob")
    raise Skip("no lda-lmtp could be caught while it was reading")


def processes(name):
    """Of this name space."""
    found, ours = [], os.readlink("/proc/self/ns/mnt")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if (read("/proc/%s/comm" % pid).strip().decode() == name
                    and os.readlink("/proc/%s/ns/mnt" % pid) == ours):
                found.append(int(pid))
        except OSError:
            pass
    return found


@test()
def a_killed_client_or_server_leaves_no_half_message(world):
    users("bob@example.com::::::")
    with Wiring(world, "virtual-lmtp") as wired:
        for victim in ("client", "server"):
            fresh("bob")
            pid, queue_id = caught_in_a_message(world, wired)
            mark = world.sink.mark()
            if victim == "client":
                client, = processes("lmtp")
                os.kill(client, signal.SIGKILL)
                true(world_module.gone(client), "Postfix's lmtp lives")
                os.kill(pid, signal.SIGCONT)
            else:
                os.kill(pid, signal.SIGKILL)
            true(world_module.gone(pid), "lda-lmtp does not end")
            same(box("bob"), [], "mails after the %s was killed" % victim)
            same(world_module.debris(HOME % "bob" + "/Maildir"), [], "tmp/")
            if victim == "client":
                true(world.sink.wait(
                    lambda line: "the client has gone in a message"
                    in line.text, mark), "no line in the log")
            wired.retry(queue_id, ["sent"])
            true(one("bob").endswith(BIG * 40000), "not whole")


# System users, and the other transports.

@test()
def mailbox_transport_with_everybodys_own_rights(world):
    world.fresh_home("alice")
    place = "/tmp/lda-lmtp.sock"
    with Wiring(world, "mailbox-transport",
                changes=[("unix:private/lda-lmtp", "unix:" + place)],
                main="local_recipient_maps = proxy:unix:passwd.byname\n"
                "mailbox_command =\n") as wired:
        with Inetd(place, LMTP):
            sent(wired.deliver("a@sender.invalid", "alice@mx.invalid",
                               message())[1])
            found = mails("/home/alice/Maildir")
            same(len(found), 1, "mails")
            facts = os.stat(found[0])
            same((facts.st_uid, facts.st_gid), (5002, 5002), "its owner")
            has(wired.rcpt("unknown@mx.invalid"), r"^550 5\.1\.1 ")


@test()
def local_transport_past_local(world):
    users("eve::::::")
    shutil.rmtree("/srv/mail/eve", ignore_errors=True)
    with Wiring(world, "local-transport") as wired:
        sent(wired.deliver("a@sender.invalid", "Eve+x@mx.invalid",
                           message())[1])
        same(len(mails("/srv/mail/eve/Maildir")), 1, "mails")
        has(wired.rcpt("alice@mx.invalid"), r"^550 5\.1\.1 ")


@test()
def fallback_transport_for_all_others(world):
    world.fresh_home("alice")
    users("lena::::::")
    shutil.rmtree("/srv/mail/lena", ignore_errors=True)
    with Wiring(world, "fallback-transport",
                main="home_mailbox = Maildir/\nmailbox_command =\n") as wired:
        result = sent(wired.deliver("a@sender.invalid", "alice@mx.invalid",
                                    message())[1])
        lacks(result.relay, "lmtp")
        same(len(mails("/home/alice/Maildir")), 1, "alice's mails")
        sent(wired.deliver("a@sender.invalid", "lena@mx.invalid",
                           message())[1])
        same(len(mails("/srv/mail/lena/Maildir")), 1, "lena's mails")
        has(wired.rcpt("unknown@mx.invalid"), r"^550 5\.1\.1 ")


# Read before a test begins: where it runs, the sources may be out of sight.
INETD_CONF = read(SNIPPETS + "/virtual-lmtp-uids/inetd.conf").decode()
UNITS = {name: read(os.path.dirname(SNIPPETS) + "/systemd/" + name).decode()
         for name in ("lda-lmtp.socket", "lda-lmtp@.service")}


def inetd_line():
    """The words of the line in inetd.conf that is none of comment."""
    line, = [line.split() for line in INETD_CONF.splitlines()
             if not line.startswith("#")]
    same(line[1:5], ["stream", "tcp", "nowait", "root"], "inetd.conf")
    return line[0], line[5], line[6:]


def unit(name):
    """What a unit of packaging/systemd says, last word of each setting."""
    return dict(re.findall(r"(?m)^(\w+)=(.*)$", UNITS[name]))


@test("systemd")
def systemd_units_as_they_stand(world):
    """What systemd would do: the socket where the unit says, below the queue
    directory, with its owner and mode, and the service on each connection."""
    world.fresh_home("alice")
    listening, service = unit("lda-lmtp.socket"), unit("lda-lmtp@.service")
    same((listening["Accept"], service["StandardInput"],
          service["StandardOutput"], service["StandardError"]),
         ("yes", "socket", "socket", "null"), "how it is started")
    true("User" not in service, "root has to start it")
    below = listening["ListenStream"].removeprefix("/var/spool/postfix/")
    with Wiring(world, "mailbox-transport") as wired:
        place = wired.top + "/spool/" + below
        process = world.spawn(
            "--accept", "--inetd", "-l", place, service["ExecStart"],
            program="/usr/bin/systemd-socket-activate")
        until = time.monotonic() + 20
        while not os.path.exists(place) and time.monotonic() < until:
            time.sleep(0.01)
        shutil.chown(place, listening["SocketUser"])
        os.chmod(place, int(listening["SocketMode"], 8))
        result = sent(wired.deliver("a@sender.invalid", "alice@mx.invalid",
                                    message())[1])
        has(result.relay, r"\[private/lda-lmtp\]")
        facts = os.stat(mails("/home/alice/Maildir")[0])
        same((facts.st_uid, facts.st_gid), (5002, 5002), "owner")
        process.terminate()


@test()
def many_uids_over_tcp(world):
    where, program, argv = inetd_line()
    address, _, number = where.partition(":")
    port = free_port()
    for name, uid in (("m1", 5001), ("m2", 5002)):
        home = "/home/v-" + name
        shutil.rmtree(home, ignore_errors=True)
        os.mkdir(home, 0o700)
        os.chown(home, uid, uid)
    users("m1@example.com::5001:5001::/home/v-m1:",
          "m2@example.com::5002:5002::/home/v-m2:")
    with Wiring(world, "virtual-lmtp-uids",
                changes=[("127.0.0.1:" + number, "127.0.0.1:%d" % port)]) \
            as wired:
        true("lmtp:inet:127.0.0.1:%d\n" % port in read(
            wired.etc + "/main.cf").decode(), "the two files differ")
        with Inetd((address, port), program, *argv[1:]) as server:
            mark = world.sink.mark()
            queue_id = wired.send(
                "a@sender.invalid", ["m1@example.com", "m2@example.com"],
                message())
            for name, uid in (("m1", 5001), ("m2", 5002)):
                sent(wired.result(queue_id, name + "@example.com", mark))
                found = mails("/home/v-%s/Maildir" % name)
                same(len(found), 1, "mails of " + name)
                facts = os.stat(found[0])
                same((facts.st_uid, facts.st_gid, facts.st_mode & 0o777),
                     (uid, uid, 0o600), "owner and mode")
            has(wired.rcpt("nobody@example.com"), r"^550 5\.1\.1 ")
            true(server.children, "nobody was started: no test")


@test()
def speaker_has_no_rights(world):
    users("m1@example.com::5001:5001::/home/v-m1:")
    write("/etc/lda.conf", "userdb = passwd-file:/etc/lda.users\n")
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([LMTP], stdin=theirs, stdout=theirs,
                               stderr=theirs)
    theirs.close()
    try:
        ours.settimeout(30)
        has(ours.recv(1000).decode(), "^220 ")
        status = read("/proc/%d/task/%d/children" % (
            process.pid, process.pid)).decode().split()
        same(len(status), 1, "children of the monitor")
        facts = read("/proc/%s/status" % status[0]).decode()
        has(facts, r"\nUid:\t65534\t65534\t65534\t65534\n",
            r"\nGid:\t65534\t65534\t65534\t65534\n", r"\nGroups:\t65534 ?\n",
            r"\nCapEff:\t0+\n")
        ours.sendall(b"QUIT\r\n")
        has(ours.recv(1000).decode(), "^221 ")
    finally:
        ours.close()
        same(process.wait(30), 0, "exit status")


# Several machines.

@test()
def backends_are_down_slow_and_killed_without_loss(world):
    """Two back ends on two addresses; a third domain's is not there."""
    ports = {"a": free_port(), "b": free_port()}
    users(*["u%d@%s.example.com::::::" % (n, letter)
            for n in range(5) for letter in "ab"])
    for letter in "ab":
        shutil.rmtree("/srv/mail/%s.example.com" % letter, ignore_errors=True)
    write("/etc/lda.conf", "userdb = passwd-file:/etc/lda.users\n"
          "mail_uid = vmail\nmail_gid = vmail\nmail_home = /srv/mail/%d/%n\n"
          "mail_location = maildir:~/Maildir\n")

    def start(letter):
        address = {"a": "127.0.0.2", "b": "127.0.0.3"}[letter]
        return world.spawn("-l", "inet:%s:%d" % (address, ports[letter]),
                           program=LMTP, user="vmail")
    write("/etc/postfix-backends",
          "a.example.com lmtp:inet:127.0.0.2:%d\n"
          "b.example.com lmtp:inet:127.0.0.3:%d\n"
          "c.example.com lmtp:inet:127.0.0.4:%d\n" % (
              ports["a"], ports["b"], free_port()))
    servers = {letter: start(letter) for letter in "ab"}
    with Wiring(world, "backends", changes=[
            ("hash:/etc/postfix/backends", "texthash:/etc/postfix-backends"),
            ("b.example.com", "b.example.com c.example.com")],
            main="smtpd_recipient_restrictions = permit_mynetworks\n") \
            as wired:
        down = wired.deliver("a@sender.invalid", "x@c.example.com",
                             message())[1]
        same((down.status, down.dsn), ("deferred", "4.4.1"), str(down))
        ids = {}
        mark = world.sink.mark()
        for n in range(40):
            name = "u%d@%s.example.com" % (n % 5, "ab"[n % 2])
            ids[wired.send("a@sender.invalid", name, message(
                "n%d" % n, b"X-Id: n%d\n" % n))] = n
            if n == 20:     # in the middle of it
                servers["a"].kill()
                servers["a"].wait()
                servers["a"] = start("a")
        for queue_id in ids:
            result = wired.result(queue_id, since=mark)
            if result.status != "sent":
                same(result.status, "deferred", str(result))
                sent(wired.retry(queue_id, ("sent", "bounced")))
        found = []
        for letter in "ab":
            for n in range(5):
                for path in mails("/srv/mail/%s.example.com/u%d/Maildir"
                                  % (letter, n)):
                    found += re.findall(rb"X-Id: n(\d+)\n", read(path))
        same({int(n) for n in found}, set(ids.values()), "mails")
        has(wired.rcpt("u1@b.example.com"), "^250 ")
        # The way into a mailbox of one does not lead over the other.
        servers["b"].terminate()
        servers["b"].wait()
        sent(wired.deliver("a@sender.invalid", "u1@a.example.com",
                           message())[1])
        late = wired.deliver("a@sender.invalid", "u1@b.example.com",
                             message())[1]
        same((late.status, late.dsn), ("deferred", "4.4.1"), str(late))
