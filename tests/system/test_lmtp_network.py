"""test_lmtp_network.py - lda-lmtp and lda-verify with sockets of their own:
who may connect, passwords asked of a real Dovecot and a real saslauthd, systemd
in the person of systemd-socket-activate, reload and stop.
"""

import os
import shutil
import signal
import socket
import subprocess
import time

from cases import Skip, has, lacks, same, test, true
from world import HOST, free_port, mails, write

LMTP, VERIFY = "/usr/local/sbin/lda-lmtp", "/usr/local/sbin/lda-verify"
ACTIVATE = "/usr/bin/systemd-socket-activate"
PATH = "/tmp/network.sock"

CONFIG = """\
userdb = passwd-file:/etc/lda/users
"""

MAIL = (b"MAIL FROM:<a@sender.test>\r\nRCPT TO:<bob@v.test>\r\nDATA\r\n"
        b"Subject: x\r\n\r\nhello\r\n.\r\n")


class Client:
    """A connection; waits for a server that is only just starting."""

    def __init__(self, where, seconds=10):
        until = time.monotonic() + seconds
        while True:
            self.socket = socket.socket(
                socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
            self.socket.settimeout(30)
            try:
                self.socket.connect(where)
                break
            except (ConnectionRefusedError, FileNotFoundError):
                self.socket.close()
                if time.monotonic() > until:
                    raise AssertionError("nobody listens on %s" % (where,)) \
                        from None
                time.sleep(0.01)
        self.file = self.socket.makefile("rb")

    def reply(self):
        text = b""
        while True:
            line = self.file.readline()
            text += line
            if line[3:4] != b"-":
                return text.decode()

    def say(self, line):
        self.socket.sendall(line + b"\r\n")
        return self.reply()

    def hello(self):
        has(self.reply(), r"^220 ")
        return self.say(b"LHLO client")

    def mail(self, name=b"bob@v.test"):
        """One message; the reply to its end."""
        has(self.say(b"MAIL FROM:<a@sender.test>"), r"^250 ")
        has(self.say(b"RCPT TO:<%s>" % name), r"^250 ")
        has(self.say(b"DATA"), r"^354 ")
        return self.say(b"Subject: x\r\n\r\nhello\r\n.")

    def close(self):
        self.file.close()
        self.socket.close()


def serve(world, *args, config=CONFIG, program=LMTP, user="vmail", env=None):
    write("/etc/lda/network.conf", config)
    world.users_file("bob@v.test", "eve@v.test")
    if os.path.exists(PATH):
        os.unlink(PATH)
    return world.spawn("-c", "/etc/lda/network.conf", *args, program=program,
                       user=user, env=env)


def arrived(name="bob"):
    return len(mails("/srv/mail/v.test/%s/Maildir" % name))


def end(server):
    server.send_signal(signal.SIGTERM)
    same(server.wait(30), 0, "exit status of the server")


# Who may connect.

@test()
def sockets_of_both_kinds_are_served(world):
    port = free_port()
    server = serve(world, "-l", "unix:%s,mode=640,group=vmail" % PATH,
                   "-l", "inet:127.0.0.1:%d" % port)
    for where in (PATH, ("127.0.0.1", port)):
        client = Client(where)
        lacks(client.hello(), "AUTH")
        has(client.mail(), r"^250 2\.0\.0 ")
        client.close()
    same(oct(os.stat(PATH).st_mode & 0o777), "0o640", "mode of the socket")
    same(arrived(), 2, "mails")
    end(server)
    true(not os.path.exists(PATH), "the socket was left behind")


@test()
def a_socket_left_behind_is_replaced_and_one_in_use_is_not(world):
    first = serve(world, "-l", "unix:" + PATH)
    Client(PATH).close()
    second = world.spawn("-c", "/etc/lda/network.conf", "-l", "unix:" + PATH,
                         program=LMTP, user="vmail")
    out, _ = second.communicate(timeout=30)
    same(second.returncode, 75, "exit status of the second")
    has(out.decode(), "another server does")
    first.kill()
    first.wait()
    true(os.path.exists(PATH), "nothing was left behind: no test")
    third = world.spawn("-c", "/etc/lda/network.conf", "-l", "unix:" + PATH,
                        program=LMTP, user="vmail")
    client = Client(PATH)
    client.hello()
    client.close()
    end(third)


@test()
def other_networks_are_turned_away(world):
    port = free_port()
    mark = world.sink.mark()
    server = serve(world, "-l", "inet:127.0.0.1:%d" % port,
                   config=CONFIG + "mynetworks = 127.0.0.2 10.0.0.0/8\n")
    client = Client(("127.0.0.1", port))
    has(client.reply(), r"^421 4\.7\.1 ")
    same(client.file.read(), b"", "behind the 421")
    client.close()
    true(world.sink.wait(
        lambda line: "refused 127.0.0.1: " in line.text
        and "mynetworks" in line.text, mark), "no line in the log")
    end(server)


@test()
def wrong_networks_and_sockets_are_told(world):
    write("/etc/lda/network.conf", CONFIG + "mynetworks = example.com\n")
    said = world.run("-c", "/etc/lda/network.conf", "-n", program=LMTP,
                     user="vmail")
    same(said.status, 75, "exit status")
    has(said.out.decode(), "mynetworks", '"example.com" is no network')
    write("/etc/lda/network.conf", CONFIG)
    for spec in ("tcp:1", "unix:relative", "inet:127.0.0.1:0",
                 "inet:example.com:24", "unix:/tmp/x,mode=9",
                 "unix:/no/such/place", "inet:192.0.2.1:24"):
        said = world.run("-c", "/etc/lda/network.conf", "-l", spec,
                         program=LMTP, user="vmail")
        same(said.status, 75, "exit status with " + spec)
        has(said.out.decode(), "-l: ")


# Passwords.

def plain(user, password):
    import base64
    return base64.b64encode(b"\0%s\0%s" % (user, password))


def check_passwords(world, port, user, password):
    client = Client(("127.0.0.1", port))
    has(client.hello(), r"250[- ]AUTH PLAIN LOGIN\r\n")
    has(client.say(b"MAIL FROM:<a@b>"), r"^430 4\.7\.0 ")
    has(client.say(b"AUTH PLAIN " + plain(user, b"wrong")), r"^535 5\.7\.8 ")
    has(client.say(b"AUTH PLAIN " + plain(b"nobody", password)), r"^535 ")
    has(client.say(b"MAIL FROM:<a@b>"), r"^430 ")
    has(client.say(b"AUTH PLAIN " + plain(user, password)), r"^235 2\.7\.0 ")
    has(client.mail(), r"^250 2\.0\.0 ")
    client.close()
    if not shutil.which("swaks"):
        return
    for kind in ("PLAIN", "LOGIN"):
        done = subprocess.run(
            ["swaks", "--protocol", "LMTP", "--server", "127.0.0.1", "--port",
             str(port), "--to", "bob@v.test", "--from", "a@b.test", "--auth",
             kind, "--auth-user", user.decode(), "--auth-password",
             password.decode(), "--helo", "client.test"],
            capture_output=True, text=True, timeout=60)
        same(done.returncode, 0, "swaks with %s: %s" % (
            kind, done.stdout[-800:]))


@test("dovecot")
def passwords_are_asked_of_dovecot(world):
    port = free_port()
    place = world.dovecot.top + "/base/auth-lmtp"
    server = serve(world, "-l", "inet:127.0.0.1:%d" % port,
                   config=CONFIG + "lmtp_sasl = dovecot:%s\n" % place)
    check_passwords(world, port, b"carol", b"secret")
    true(arrived() >= 1, "nothing has arrived")
    # Whoever comes through a UNIX socket is believed.
    end(server)
    server = serve(world, "-l", "unix:" + PATH,
                   config=CONFIG + "lmtp_sasl = dovecot:%s\n" % place)
    client = Client(PATH)
    lacks(client.hello(), "AUTH")
    has(client.mail(), r"^250 ")
    client.close()
    end(server)


@test()
def password_server_that_is_down_is_temporary(world):
    port = free_port()
    mark = world.sink.mark()
    server = serve(world, "-l", "inet:127.0.0.1:%d" % port,
                   config=CONFIG + "lmtp_sasl = dovecot:/no/such/socket\n")
    client = Client(("127.0.0.1", port))
    client.hello()
    has(client.say(b"AUTH PLAIN " + plain(b"carol", b"secret")),
        r"^454 4\.7\.0 ")
    has(client.say(b"MAIL FROM:<a@b>"), r"^430 ")
    client.close()
    true(world.sink.wait(lambda line: "/no/such/socket" in line.text, mark),
         "the log does not name the socket")
    end(server)


@test()
def passwords_are_asked_of_saslauthd(world):
    for program in ("/usr/sbin/saslauthd", "/usr/sbin/saslpasswd2"):
        if not os.access(program, os.X_OK):
            raise Skip(program + " is not installed")
    directory = "/tmp/saslauthd"
    shutil.rmtree(directory, ignore_errors=True)
    os.mkdir(directory, 0o755)
    # The one file that saslauthd looks at; /etc is our own here.
    done = subprocess.run(["/usr/sbin/saslpasswd2", "-p", "-c", "-u", HOST,
                           "-f", "/etc/sasldb2", "mailer"],
                          input=b"geheim", capture_output=True)
    if done.returncode != 0:
        raise Skip("saslpasswd2: " + done.stderr.decode())
    world.spawn("-a", "sasldb", "-m", directory, "-n", "1", "-d",
                program="/usr/sbin/saslauthd")
    until = time.monotonic() + 10
    while (not os.path.exists(directory + "/mux")
           and time.monotonic() < until):
        time.sleep(0.01)
    os.chmod(directory + "/mux", 0o777)
    port = free_port()
    server = serve(world, "-l", "inet:127.0.0.1:%d" % port, config=CONFIG
                   + "lmtp_sasl = saslauthd:%s/mux\n" % directory)
    check_passwords(world, port, b"mailer", b"geheim")
    end(server)


# systemd.

def activated(world, *flags):
    write("/etc/lda/network.conf", CONFIG)
    world.users_file("bob@v.test")
    port = free_port()
    world.spawn(*flags, "-l", "127.0.0.1:%d" % port, LMTP, "-c",
                "/etc/lda/network.conf", program=ACTIVATE, user="vmail")
    for _ in range(2):
        client = Client(("127.0.0.1", port))
        client.hello()
        has(client.mail(), r"^250 2\.0\.0 ")
        has(client.say(b"QUIT"), r"^221 ")
        client.close()
    same(arrived(), 2, "mails")


@test("systemd")
def systemd_hands_over_a_listening_socket(world):
    activated(world)


@test("systemd")
def systemd_hands_over_each_connection(world):
    activated(world, "--accept")


@test("systemd")
def systemd_starts_it_as_inetd_does(world):
    activated(world, "--accept", "--inetd")


@test("systemd")
def systemd_is_told_when_it_is_ready(world):
    place = "/tmp/notify.sock"
    if os.path.exists(place):
        os.unlink(place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(place)
        os.chmod(place, 0o666)
        notify.settimeout(10)
        server = serve(world, "-l", "unix:" + PATH,
                       env={"NOTIFY_SOCKET": place})
        same(notify.recv(100), b"READY=1", "first word")
        server.send_signal(signal.SIGHUP)
        same(notify.recv(100), b"RELOADING=1", "on HUP")
        same(notify.recv(100), b"READY=1", "after HUP")
        end(server)
        same(notify.recv(100), b"STOPPING=1", "on TERM")


# Reload, stop, limits.

def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


@test()
def settings_are_read_again_on_hup(world):
    mark = world.sink.mark()
    server = serve(world, "-l", "unix:" + PATH)
    client = Client(PATH)
    lacks(client.hello(), "SIZE 1000")
    write("/etc/lda/network.conf", CONFIG + "message_size_limit = 1000\n")
    server.send_signal(signal.SIGHUP)
    until = time.monotonic() + 10
    while True:
        other = Client(PATH)
        said = other.hello()
        other.close()
        if "SIZE 1000" in said or time.monotonic() > until:
            break
    has(said, "SIZE 1000")
    # A connection goes on as it has begun.
    has(client.mail(), r"^250 ")
    write("/etc/lda/network.conf", "no_such_setting = 1\n")
    server.send_signal(signal.SIGHUP)
    true(world.sink.wait(
        lambda line: "old settings stay" in line.text
        and "no_such_setting" in line.text, mark), "no line in the log")
    other = Client(PATH)
    has(other.hello(), "SIZE 1000")
    has(other.mail(), r"^250 ")
    for one in (client, other):
        one.close()
    end(server)


@test()
def stop_waits_for_the_transaction(world):
    server = serve(world, "-l", "unix:" + PATH)
    busy, idle = Client(PATH), Client(PATH)
    busy.hello()
    idle.hello()
    has(busy.say(b"MAIL FROM:<a@sender.test>"), r"^250 ")
    has(busy.say(b"RCPT TO:<bob@v.test>"), r"^250 ")
    has(busy.say(b"DATA"), r"^354 ")
    server.send_signal(signal.SIGTERM)
    has(idle.reply(), r"^421 4\.3\.2 ")
    true(server.poll() is None, "it has not waited")
    has(busy.say(b"Subject: x\r\n\r\nhello\r\n."), r"^250 2\.0\.0 ")
    has(busy.reply(), r"^421 4\.3\.2 ")
    same(server.wait(30), 0, "exit status of the server")
    same(arrived(), 1, "mails")


@test()
def no_more_processes_than_allowed(world):
    server = serve(world, "-l", "unix:" + PATH,
                   config=CONFIG + "default_process_limit = 1\n")
    first = Client(PATH)
    first.hello()
    second = Client(PATH)
    second.socket.settimeout(0.5)
    try:
        said = second.socket.recv(100)
        raise AssertionError("the second was served: %r" % said)
    except socket.timeout:
        pass
    has(first.say(b"QUIT"), r"^221 ")
    second.socket.settimeout(30)
    second.file = second.socket.makefile("rb")
    has(second.reply(), r"^220 ")
    second.close()
    end(server)


@test()
def one_users_deliveries_are_bounded(world):
    """The first waits for a lock."""
    server = serve(world, "-l", "unix:" + PATH, config=CONFIG
                   + "lmtp_user_concurrency_limit = 1\n"
                   "mail_location = mbox:~/mail:INBOX=~/mbox\n"
                   "mbox_lock_timeout = 60s\n")
    home = world.make_home("bob@v.test")
    # A dotlock of a living process: ours.
    write(home + "/mbox.lock", "%d:%s" % (os.getpid(), HOST))
    first, second = Client(PATH), Client(PATH)
    for client in (first, second):
        client.hello()
        client.say(b"MAIL FROM:<a@sender.test>")
        client.say(b"RCPT TO:<bob@v.test>")
        client.say(b"DATA")
    first.socket.sendall(b"x\r\n.\r\n")
    until = time.monotonic() + 10
    while (not any(children(pid) for pid in children(server.pid))
           and time.monotonic() < until):
        time.sleep(0.01)    # until the first is under way
    second.socket.settimeout(40)
    has(second.say(b"x\r\n."), r"^450 4\.2\.0 .*too many deliveries")
    # Another user is none of his.
    other = Client(PATH)
    other.hello()
    has(other.mail(b"eve@v.test"), r"^250 ")
    os.unlink(home + "/mbox.lock")
    has(first.reply(), r"^250 2\.0\.0 ")
    for client in (first, second, other):
        client.close()
    end(server)


@test()
def lda_verify_listens_as_well(world):
    server = serve(world, "-l", "unix:" + PATH, program=VERIFY)
    client = Client(PATH)
    client.socket.sendall(b"15:rcpt bob@v.test,18:rcpt nobody@v.test,")
    got = b""
    while got.count(b",") < 2:
        got += client.socket.recv(1000)
    same(got, b"13:OK bob@v.test,9:NOTFOUND ,", "answers")
    client.close()
    end(server)
