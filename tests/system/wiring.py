"""wiring.py - a private Postfix that is wired as packaging/postfix says.

The files there are taken as they stand, so that what is shipped is what is
tested: /etc/lda.conf, /etc/lda.users and /usr/local are the world's own.
"""

import os
import re
import signal
import socket
import subprocess
import threading

import postfix
import world
from cases import true

SNIPPETS = os.path.join(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))), "packaging", "postfix")

MAIN_CF = postfix.PRIVATE_CF + """\
lmtp_host_lookup = native
alias_maps =
address_verify_map =
address_verify_poll_count = 20
address_verify_poll_delay = 1s
"""


def read_all():
    """All of the snippets, by directory and name.  Read when this module is,
    because the checkout may lie where the world hides it."""
    found = {}
    for name in sorted(os.listdir(SNIPPETS)):
        for file in sorted(os.listdir(os.path.join(SNIPPETS, name))):
            found[name, file] = world.read(
                os.path.join(SNIPPETS, name, file)).decode()
    return found


TEXTS = read_all()


def text_of(name, file):
    return TEXTS.get((name, file), "")


class Wiring(postfix.Postfix):
    """with Wiring(world, "virtual-lmtp") as wired: ...

    main and master are added behind what stands in the files; changes are
    pairs of what is replaced in them and in lda.conf."""

    number = 0
    directories = []    # of the first: name, mode, owner and group

    def __init__(self, private, *names, main="", master="", conf="",
                 changes=()):
        self.world = private
        Wiring.number += 1
        self.top = private.path("wired%d" % Wiring.number)
        self.etc = os.path.join(self.top, "etc")
        self.port = world.free_port()
        self.queued = []
        entry = postfix.pwd.getpwnam("postfix")
        for name in ("", "etc", "spool", "data"):
            os.mkdir(os.path.join(self.top, name), 0o755)
        os.chown(os.path.join(self.top, "data"), entry.pw_uid, entry.pw_gid)

        def taken(file):
            text = "".join(text_of(name, file) for name in names)
            for old, new in changes:
                text = text.replace(old, new)
            return text
        world.write(os.path.join(self.etc, "main.cf"),
                    self._merged(MAIN_CF.format(
                        top=self.top, daemons=postfix.DAEMONS)
                        + taken("main.cf") + main))
        world.write(os.path.join(self.etc, "master.cf"),
                    postfix.MASTER_CF.format(port=self.port)
                    + "lmtp unix - - n - - lmtp\n"
                    + taken("master.cf") + master)
        # Postfix waits until a file has not been changed for a second.
        for name in os.listdir(self.etc):
            os.utime(os.path.join(self.etc, name), (0, 0))
        if taken("lda.conf") + conf:
            world.write("/etc/lda.conf", taken("lda.conf") + conf)

    @staticmethod
    def _merged(text):
        """The last of several lines with one name counts in Postfix, too, but
        it complains."""
        parts = re.split(r"(?m)^(?=[a-z]\w* = ?|[a-z]\w* =$)", text)
        last = {}
        for part in parts:
            last[part.split(" ", 1)[0]] = part
        return "".join(last.values())

    def start(self):
        """postfix(1) looks after its directories, and sleeps, for more than a
        second; from the second time on they are made here, and master(8) is
        started as it does."""
        if not Wiring.directories:
            super().start()
            for path, names, _ in os.walk(self.top + "/spool"):
                for name in names:
                    facts = os.stat(os.path.join(path, name))
                    Wiring.directories.append((
                        os.path.relpath(os.path.join(path, name), self.top),
                        facts.st_mode & 0o7777, facts.st_uid, facts.st_gid))
            return
        for name, mode, uid, gid in Wiring.directories:
            os.mkdir(os.path.join(self.top, name))
            os.chown(os.path.join(self.top, name), uid, gid)
            os.chmod(os.path.join(self.top, name), mode)
        mark = self.world.sink.mark()
        done = self.command(postfix.DAEMONS + "/master", "-w")
        if done.returncode != 0 or not self.world.sink.wait(
                lambda line: "daemon started" in line.text, mark, 20):
            raise world.CannotBuild("Postfix does not start\n" + done.stderr)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # Recipients at RCPT.

    def rcpt(self, recipient):
        """What smtpd says to this recipient."""
        with postfix.smtplib.SMTP("127.0.0.1", self.port, timeout=60) as smtp:
            smtp.ehlo("client.invalid")
            self._check(smtp.docmd("MAIL FROM:<a@sender.invalid>"))
            code, text = smtp.docmd("RCPT TO:<%s>" % recipient)
            return "%d %s" % (code, text.decode())

    def postmap(self, key, table):
        done = self.command("/usr/sbin/postmap", "-q", key, table)
        return done.returncode, done.stdout.strip(), done.stderr.strip()


class Inetd(threading.Thread):
    """Starts a program, as root, for each connection, as inetd does."""

    def __init__(self, where, *argv):
        super().__init__(daemon=True)
        self.argv, self.children = argv, []
        self.socket = socket.socket(
            socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
        if isinstance(where, str):
            if os.path.exists(where):
                os.unlink(where)
        else:
            self.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(where)
        if isinstance(where, str):
            os.chmod(where, 0o666)
        self.socket.listen(50)

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            fd = connection.fileno()
            self.children.append(subprocess.Popen(
                self.argv, stdin=fd, stdout=fd, stderr=fd))
            connection.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for child in self.children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                child.wait(30)


def users(*lines):
    world.write("/etc/lda.users", "".join(line + "\n" for line in lines))


def sent(result, status="sent"):
    true(result.status == status, str(result))
    return result
