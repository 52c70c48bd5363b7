"""test_lmtp_client.py - lda hands mail to a real Dovecot and a real Cyrus:
their answers, folders, passwords, and local(8) in front.

That pipe(8) feeds both with the wirings we ship is in test_lmtp_servers.py.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

import cyrus
import world
from cases import Skip, has, lacks, same, test, true
from letters import Letter, hostile
from test_lmtp_servers import UNKNOWN_PASS, Dovecot, home
from wiring import Wiring, users
from world import mails, make_maildir, read, write

ANN, BEN = "ann@example.com", "ben@example.com"
SENDER = "sender@letters.invalid"
PASSWORD = "/etc/lda.password"


def settle(location, *more):
    write("/etc/lda.conf", "".join(line + "\n" for line in (
        "mail_location = lmtp:" + location,
        "userdb = passwd-file:/no/such/file", *more)))


def hand_over(w, letter, *args, user="vmail", **how):
    return w.run("-f", SENDER, *args, user=user, stdin=letter.octets, **how)


def refused(run, status, reply, *log):
    same((run.status, run.reply[:len(reply)]), (status, reply), str(run))
    has(run.log, *log)


class Before:
    """A Dovecot with ann and ben, whose quota is used up, and an lda.conf
    that names it."""

    def __init__(self, w, *more):
        if Dovecot.why_not():
            raise Skip(Dovecot.why_not())
        users("%s::5000:5000::%s::" % (ANN, home(ANN)),
              "%s::5000:5000::%s::userdb_quota_rule=*:bytes=10"
              % (BEN, home(BEN)))
        for name in (ANN, BEN):
            shutil.rmtree(home(name), ignore_errors=True)
            w.make_home(name)
        for box in ("/Maildir", "/Maildir/.Work"):
            make_maildir(home(ANN) + box, 5000)
        self.server = Dovecot(w, False, [ANN, BEN])
        self.more = more

    def __enter__(self):
        settle("unix:" + self.server.at, *self.more)
        return self.server.__enter__()

    def __exit__(self, *_):
        self.server.__exit__()


def only(server, user, letter, *folder):
    found = server.mails(user, *folder)
    same(len(found), 1, "mails of %s %s" % (user, "/".join(folder)))
    true(found[0].endswith(letter.octets),
         "another letter: %r" % found[0][-300:])
    return found[0]


# Dovecot.

@test("postfix")
def Dovecot_takes_what_a_mail_may_hold(w):
    with Before(w) as server:
        letter = Letter(hostile(), more=b"X-Eight: gr\xfc\xdfe\n")
        run = hand_over(w, letter, "-d", ANN)
        same((run.status, run.out), (0, b""), str(run))
        has(run.log, "saved mail to lmtp:unix:", " to=<%s>" % ANN,
            r' said="250 2\.0\.0 <ann@example\.com> \S+ Saved"')
        has(only(server, ANN, letter)[:200].decode("latin-1"),
            "Return-Path: <%s>" % SENDER)


@test("postfix")
def Dovecot_has_the_folders(w):
    with Before(w) as server:
        for box, folder in (("Work", ["Work"]), ("INBOX/Work", ["Work"]),
                            ("None", []), ("INBOX", []), ("../x", [])):
            before = len(server.mails(ANN, *folder))
            run = hand_over(w, Letter(), "-d", "ann+old@example.com",
                            "-m", box)
            same(run.status, 0, box + ": " + str(run))
            same(len(server.mails(ANN, *folder)), before + 1, box)


@test("postfix")
def Dovecot_says_no(w):
    with Before(w) as server:
        refused(hand_over(w, Letter(), "-d", "no@example.com"), 67,
                "5.1.1 <no@example.com> User doesn't exist",
                r"answers RCPT with 550 5\.1\.1")
        refused(hand_over(w, Letter(b"x" * 20000), "-d", BEN), 75, "4.2.2 ",
                r"answers the message with 452 4\.2\.2")
        # A guess.
        refused(hand_over(w, Letter(), "-a", "no@example.com"), 75, "4.1.1 ",
                "-d is missing")
        same(server.mails(BEN), [], "ben's mails")


@test("postfix")
def Dovecot_is_asked_by_a_trial(w):
    with Before(w) as server:
        run = w.run("-t", "-d", ANN, "-m", "Work", user="vmail")
        same(run.status, 0, str(run))
        has(run.reply, "announces:.* PIPELINING",
            r"RCPT TO:<ann\+Work@example\.com>",
            r"answers RCPT with: 250 2\.1\.5")
        run = w.run("-t", "-d", "no@example.com", user="vmail")
        same(run.status, 67, str(run))
        has(run.reply, r"5\.1\.1 <no@example\.com> User doesn't exist")
        same(server.mails(ANN), [], "mails after a trial")


@test("postfix")
def Dovecot_that_is_stopped_loses_and_doubles_nothing(w):
    with Before(w) as server:
        letter = Letter()
        pid = server.process.pid
        os.kill(pid, signal.SIGSTOP)
        # Whoever accepts the connection is not there; the kernel is.
        slow = w.spawn("-o", "delivery_timeout=2s", "-d", ANN, user="vmail")
        out, _ = slow.communicate(letter.octets, timeout=30)
        os.kill(pid, signal.SIGCONT)
        true((slow.returncode, out[:4]) == (75, b"4.4."), repr(out))
        same(hand_over(w, letter, "-d", ANN).status, 0, "the second try")
        only(server, ANN, letter)


@test("postfix")
def root_becomes_mail_uid(w):
    with Before(w, "mail_uid = vmail", "mail_gid = vmail") as server:
        run = hand_over(w, Letter(), "-d", ANN, user="root")
        same(run.status, 0, str(run))
        same(len(server.mails(ANN)), 1, "mails")
    with Before(w) as server:
        refused(hand_over(w, Letter(), "-d", ANN, user="root"), 75, "4.3.5 ",
                "set mail_uid")
        same(server.mails(ANN), [], "mails")


@test("postfix")
def local_hands_the_whole_recipient_over(w):
    """mailbox_command without an argument: RECIPIENT says who he is."""
    w.fresh_home("alice")
    make_maildir("/home/alice/Maildir/.Work", pwd.getpwnam("alice").pw_uid)
    with Before(w, "auth_username_format = %Ln") as server:
        with Wiring(w, main="mailbox_command = %s\n" % w.lda) as wired:
            for name, folder in (("alice", []), ("alice+Work", ["Work"]),
                                 ("Alice+none", [])):
                before = len(mails("/home/alice/Maildir",
                                   *["." + part for part in folder]))
                letter = Letter(hostile())
                _, result = wired.deliver(
                    SENDER, name + "@mx.invalid", letter.octets)
                same((result.status, result.dsn), ("sent", "2.0.0"),
                     str(result))
                found = mails("/home/alice/Maildir",
                              *["." + part for part in folder])
                same(len(found), before + 1, name)
                true(any(read(path).endswith(letter.octets)
                         for path in found), "another letter")


@test("postfix")
def local_names_an_address_that_Dovecot_may_not_know(w):
    """Dovecot knows carol; told carol@mx.invalid it knows nobody, unless one
    of both takes the domain off."""
    shell = ' -f "$SENDER" -a "$RECIPIENT" -d "$USER"'
    for more, words, status in (((), "", "bounced"), ((), shell, "sent"),
                                (("auth_username_format = %Ln", ), "",
                                 "sent")):
        w.fresh_home("carol")
        # With a name in lda.conf, Before gives the same to Dovecot.
        with Before(w, *more) as server:
            with Wiring(w, main="mailbox_command = %s%s\n" % (
                    w.lda, words)) as wired:
                queue_id, result = wired.deliver(
                    SENDER, "carol@mx.invalid", Letter().octets)
                same(result.status, status, "%s %s: %s" % (
                    more, words, result))
                if status == "bounced":
                    same(result.dsn, "5.1.1", str(result))
                    has(result.text, "User doesn't exist: "
                        r"carol@mx\.invalid")
                    wired.bounce_of(queue_id)
            same(len(mails("/home/carol/Maildir")), status == "sent",
                 "mails of carol")
            same(server.mails(ANN), [], "mails of another")


def before_Dovecot(w, where):
    return Wiring(w, "before-dovecot", main=UNKNOWN_PASS,
                  changes=[("unix:/run/dovecot/lmtp", where)])


@test("postfix")
def megabytes_with_the_null_sender_reach_a_port(w):
    port = world.free_port()
    with Before(w) as server:
        server.__exit__()
        server.more = "service lmtp {\n  inet_listener lmtp {\n" \
            "    address = 127.0.0.1\n    port = %d\n  }\n}\n" % port
        server.__enter__()
        with before_Dovecot(w, "inet:127.0.0.1:%d" % port) as wired:
            letter = Letter((b"." + b"x" * 78 + b"\n") * 132000)
            true(len(letter.octets) > 10 << 20, "a small letter")
            _, result = wired.deliver("", ANN, letter.octets)
            same((result.status, result.dsn), ("sent", "2.0.0"), str(result))
        has(only(server, ANN, letter)[:100].decode("latin-1"),
            r"\AReturn-Path: <>\n")


@test("postfix")
def mail_waits_until_the_socket_is_there(w):
    place = w.path("late-lmtp")
    with Before(w) as server:
        with before_Dovecot(w, "unix:" + place) as wired:
            letter = Letter()
            queue_id, result = wired.deliver(SENDER, ANN, letter.octets)
            same((result.status, result.dsn), ("deferred", "4.4.1"),
                 str(result))
            lacks(result.text, "late-lmtp")
            same(server.mails(ANN), [], "mails")
            os.symlink(server.at, place)
            try:
                result = wired.retry(queue_id, ("sent", "bounced"))
            finally:
                os.unlink(place)
            same((result.status, result.dsn), ("sent", "2.0.0"), str(result))
        only(server, ANN, letter)


# Cyrus.

TCP = """\
  lmtp cmd="{bin}/lmtpd -C {top}/imapd.conf" listen="127.0.0.1:{port}" prefork=1
"""

SASL = """\
allowplaintext: yes
sasl_sasldb_path: {top}/sasldb2
sasl_mech_list: PLAIN LOGIN
lmtp_admins: lda
"""


class CyrusOverTCP(cyrus.Cyrus):
    """Cyrus that also listens on TCP, where it wants a password."""

    def __init__(self, w, *names):
        if cyrus.why_not():
            raise Skip(cyrus.why_not())
        if not shutil.which("saslpasswd2"):
            raise Skip("no saslpasswd2 (package sasl2-bin)")
        self.port = world.free_port()
        super().__init__(
            w, *names, more=SASL.format(top=w.path("cyrus")))
        conf = self.top + "/cyrus.conf"
        write(conf, read(conf).decode().replace(
            "SERVICES {\n", "SERVICES {\n" + TCP.format(
                bin=cyrus.BIN, top=self.top, port=self.port)))
        done = subprocess.run(
            ["saslpasswd2", "-p", "-c", "-f", self.top + "/sasldb2", "-u",
             world.HOST, "lda"], input=b"secret", capture_output=True)
        true(done.returncode == 0, "saslpasswd2: %r" % done.stderr)
        shutil.chown(self.top + "/sasldb2", "cyrus")

    def __enter__(self):
        super().__enter__()
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                if time.monotonic() > until:
                    self.__exit__()
                    raise
                time.sleep(0.02)


def over_unix(w):
    if cyrus.why_not():
        raise Skip(cyrus.why_not())
    return cyrus.Cyrus(w, ANN)


@test("postfix")
def Cyrus_takes_mail_on_its_socket(w):
    with over_unix(w) as server:
        settle("unix:" + server.lmtp)
        letter = Letter(b".\n..\n.x\nFrom me\n" + bytes(range(128, 256))
                        + b"\n" + b"line\n" * 50000)
        run = hand_over(w, letter, "-d", ANN)
        same((run.status, run.out), (0, b""), str(run))
        has(run.log, r' said="250 2\.1\.5 ')
        has(only(server, ANN, letter)[:200].decode("latin-1"),
            "Return-Path: <%s>" % SENDER)
        # A folder that is not there is Cyrus's to judge: INBOX.
        run = hand_over(w, Letter(), "-d", ANN, "-m", "Work")
        same(run.status, 0, str(run))
        has(run.log, r" to=<ann\+Work@example\.com>")
        same(len(server.mails(ANN)), 2, "mails")


@test("postfix")
def Cyrus_says_no(w):
    with over_unix(w) as server:
        settle("unix:" + server.lmtp)
        refused(hand_over(w, Letter(), "-d", "no@example.com"), 67,
                "5.1.1 ", r"answers RCPT with 550 5\.1\.1")
        # With a folder, too: the user without it is asked for as well.
        refused(hand_over(w, Letter(), "-d", "no@example.com", "-m", "Work"),
                67, "5.1.1 ", r"answers RCPT with 550 5\.1\.1")
        # It takes no NUL: a fact about the message.
        refused(hand_over(w, Letter(b"a NUL \0 here\n"), "-d", ANN), 65,
                "5.6.0 ", r"answers the message with 554 5\.6\.0")
        same(server.mails(ANN), [], "mails")


@test("postfix")
def Cyrus_wants_a_password_over_TCP(w):
    with CyrusOverTCP(w, ANN) as server:
        where = "inet:127.0.0.1:%d" % server.port
        auth = ["lmtp_auth_user = lda", "lmtp_auth_password_file = "
                + PASSWORD]
        # Not asked for, so Cyrus refuses: our settings' fault.
        settle(where)
        run = hand_over(w, Letter(), "-d", ANN)
        same((run.status, run.reply), (75, "4.0.0 Authentication required"),
             str(run))
        settle(where, *auth)
        write(PASSWORD, "wrong\n", 0o640)
        shutil.chown(PASSWORD, "root", "vmail")
        run = hand_over(w, Letter(), "-d", ANN)
        same((run.status, run.reply[:2]), (75, "4."), str(run))
        has(run.log, "answers AUTH with 5")
        lacks(run.log, "wrong")
        write(PASSWORD, "secret\n", 0o640)
        shutil.chown(PASSWORD, "root", "vmail")
        letter = Letter()
        run = hand_over(w, letter, "-d", ANN)
        same(run.status, 0, str(run))
        only(server, ANN, letter)
        refused(hand_over(w, Letter(), "-d", "no@example.com"), 67, "5.1.1 ")
        os.chmod(PASSWORD, 0o644)
        refused(hand_over(w, Letter(), "-d", ANN), 75, "4.3.5 ",
                "may be read by others")
        same(len(server.mails(ANN)), 1, "mails")
