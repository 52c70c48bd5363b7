"""session.py - a server of ours on one end of a socket, as spawn(8) starts it,
and what attacks it on the other.

The program has the socket as stdin, stdout and stderr, so that whatever it
writes to the wrong place is seen by the client.
"""

import array
import fcntl
import os
import pwd
import re
import socket
import struct
import subprocess
import termios
import time

import world
from cases import same, true

LMTP = "/usr/local/sbin/lda-lmtp"
VERIFY = "/usr/local/sbin/lda-verify"
SECONDS = 60

# Between two runs of the same session only these may differ.
VARIES = re.compile(rb"(?<=\tid )[0-9a-f]{16}|(?<=; )\w{3}, \d+ \w{3} \d{4} "
                    rb"[\d:]{8} [+-]\d{4}(?=\n)")


def pair(kind):
    """Two connected sockets; "tcp" for what only TCP can do."""
    if kind == "unix":
        return socket.socketpair()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        ours = socket.create_connection(listener.getsockname())
        return ours, listener.accept()[0]


class Server:
    """with Server(w) as server: ...; its process is server.pid."""

    def __init__(self, w, *args, program=LMTP, user="vmail", kind="unix",
                 before=()):
        """before: a command that is to start the program, such as strace."""
        self.w = w
        self.socket, theirs = pair(kind)
        self.socket.settimeout(SECONDS)
        entry = pwd.getpwnam(user)
        identity = {} if entry.pw_uid == 0 else {
            "user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.mark = w.sink.mark()
        # Python itself ignores SIGPIPE and SIGXFSZ, as Postfix does.
        self.process = subprocess.Popen(
            [*before, program, *args], cwd="/", umask=0o077,
            env={"PATH": "/usr/bin:/bin", "MAIL_CONFIG": "/etc/postfix"},
            stdin=theirs, stdout=theirs, stderr=theirs,
            restore_signals=False, **identity)
        w.started.append(self.process)
        theirs.close()
        self.pid = self.process.pid
        self.left = b""

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """A test that has not failed sees the server end well."""
        self.socket.close()
        if kind is None:
            self.ends()

    # Its octets.

    def send(self, octets):
        self.socket.sendall(octets)

    def send_what_is_taken(self, octets):
        """All of it, or what the server takes before it closes."""
        try:
            self.socket.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def is_read(self):
        """Waits until the server has taken all that was sent, so that what
        is sent next comes by another read(2)."""
        until = time.monotonic() + SECONDS
        while True:
            left = array.array("i", [0])
            fcntl.ioctl(self.socket, termios.TIOCOUTQ, left)
            if left[0] == 0 or self.process.poll() is not None:
                return
            true(time.monotonic() < until, "the server does not read")
            time.sleep(0)

    def end_of_ours(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Of TCP: the connection is gone without a farewell."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))
        self.socket.close()

    def rest(self):
        """All it says until it closes."""
        got, self.left = self.left, b""
        try:
            while True:
                more = self.socket.recv(65536)
                if not more:
                    return got
                got += more
        except ConnectionResetError:
            return got      # it has closed before it had read everything
        except socket.timeout:
            raise AssertionError("no end; so far: %r" % got[-500:]) from None

    def line(self):
        while b"\n" not in self.left:
            more = self.socket.recv(65536)
            true(more, "closed after %r" % self.left)
            self.left += more
        got, self.left = self.left.split(b"\n", 1)
        return got.rstrip(b"\r").decode("utf-8", "replace")

    def reply(self):
        """A reply of LMTP; the lines before the last are dropped."""
        while True:
            line = self.line()
            if line[3:4] != "-":
                return line

    def say(self, line):
        self.send((line if isinstance(line, bytes) else line.encode())
                  + b"\r\n")
        return self.reply()

    def hello(self):
        """Through LHLO."""
        self.reply()
        return self.say("LHLO client.invalid")

    def begin(self, *recipients, sender="a@sender.invalid"):
        """Up to the 354."""
        for line in ["MAIL FROM:<%s>" % sender,
                     *["RCPT TO:<%s>" % one for one in recipients], "DATA"]:
            said = self.say(line)
            true(said[0] in "23", "%s: %s" % (line, said))

    # Its process.

    def ends(self, status=0):
        try:
            got = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError("the server does not end") from None
        same(got, status, "exit status of the server, log:\n" + self.log())

    def log(self):
        return "\n".join(line.text for line in self.w.sink.since(self.mark)
                         if line.tag in ("lda-lmtp", "lda-verify"))

    def family(self):
        """Process ids of the server and of all that it has started."""
        return family(self.pid)


def children(pid):
    """Those that run: one that has ended may not have been waited for."""
    try:
        found = world.read("/proc/%d/task/%d/children" % (pid, pid)).split()
    except OSError:
        return []
    return [int(word) for word in found if state(int(word)) not in "ZX"]


def state(pid):
    """A letter, as ps(1) has it; X when it is gone."""
    return (world.status_of(pid) or {"State": "X"})["State"][0]


def family(pid):
    found = [pid]
    for one in found:
        found += children(one)
    return found


def wait_until(condition, what):
    until = time.monotonic() + SECONDS
    while True:
        got = condition()
        if got:
            return got
        true(time.monotonic() < until, "this never came: " + what)
        time.sleep(0.002)


def most_memory(pid):
    """VmHWM in KiB, or 0 when it is gone."""
    status = world.status_of(pid) or {}
    return int(status.get("VmHWM", "0").split()[0])


def without_what_varies(octets):
    return VARIES.sub(b"", octets)


def replies(octets):
    """The replies in what a server has said, each without what stands in
    front of its last line."""
    return [line for line in octets.decode("utf-8", "replace").split("\r\n")
            if line[3:4] == " "]
