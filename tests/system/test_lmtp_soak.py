"""test_lmtp_soak.py - lda-lmtp with ten clients, while its processes are
killed at random.

Every mail has a number and a sum of its body; a client sends it again until it
was accepted.  In the end each number that was accepted is there, whole, and
not more often than it was sent: a process that is killed between the mail and
its answer leaves a mail that comes again, never one that is lost.

LDA_SOAK=100000 sends so many instead of a few thousand.
"""

import collections
import hashlib
import os
import random
import re
import signal
import socket
import threading
import time
import zlib

from cases import same, test, true
from world import debris, mails, read, write

CLIENTS, BOXES = 10, 20
MAILS = int(os.environ.get("LDA_SOAK", "4000"))
SOCKET = "/tmp/soak.sock"
PROGRAM = "/usr/local/sbin/lda-lmtp"

CONFIG = """\
userdb = passwd-file:/etc/lda/users
lmtp_user_concurrency_limit = 0
default_process_limit = 20
"""

ID = re.compile(rb"(?m)^X-Id: (\S+)$")
SUM = re.compile(rb"(?m)^X-Sum: (\S+)$")


def body_of(name):
    return (name.encode() + b" .from here\r\n") * (1 + zlib.crc32(name.encode()) % 90)


def message(name):
    body = body_of(name)
    stored = hashlib.md5(body.replace(b"\r\n", b"\n")).hexdigest()
    return (b"Subject: %s\r\nX-Id: %s\r\nX-Sum: %s\r\n\r\n%s.\r\n" % (
        name.encode(), name.encode(), stored.encode(), body))


class Client:
    """One connection at a time; "lost" is raised where it has gone."""

    def __init__(self):
        self.socket = self.file = None

    def connect(self):
        until = time.monotonic() + 30
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(60)
            try:
                self.socket.connect(SOCKET)
                break
            except (ConnectionRefusedError, FileNotFoundError,
                    BlockingIOError):
                self.socket.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)
        self.file = self.socket.makefile("rb")
        self.reply()
        self.say(b"LHLO soak\r\n")

    def close(self):
        for one in (self.file, self.socket):
            if one:
                one.close()
        self.socket = self.file = None

    def reply(self):
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise ConnectionError("lost")
            if line[3:4] == b" ":
                if line.startswith(b"421"):
                    raise ConnectionError("421")
                return line

    def say(self, octets):
        self.socket.sendall(octets)
        return self.reply()

    def send(self, name, boxes):
        """The replies after the final dot, one for each box."""
        if not self.socket:
            self.connect()
        group = b"MAIL FROM:<soak@sender.test>\r\n"
        for box in boxes:
            group += b"RCPT TO:<%s@v.test>\r\n" % box.encode()
        self.socket.sendall(group + b"DATA\r\n")
        replies = [self.reply() for _ in range(len(boxes) + 2)]
        if not replies[-1].startswith(b"354"):
            raise ConnectionError("no 354: %r" % replies)
        true(all(r.startswith(b"250") for r in replies[:-1]),
             "refused: %r" % replies)
        self.socket.sendall(message(name))
        return [self.reply() for _ in boxes]


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.tried = collections.Counter()
        self.accepted = collections.Counter()
        self.codes = collections.Counter()
        self.lost = 0
        self.wrong = []

    def run(self, names):
        client = Client()
        try:
            for name in names:
                self.deliver(client, name)
        except Exception as why:        # shown by the test
            self.wrong.append("%s: %r" % (type(why).__name__, why))
        finally:
            client.close()

    def deliver(self, client, name):
        waiting = random.Random(name).sample(range(BOXES), 2)
        while waiting:
            boxes = ["u%d" % n for n in waiting]
            with self.lock:
                for box in boxes:
                    self.tried[name, box] += 1
            try:
                replies = client.send(name, boxes)
            except (ConnectionError, socket.timeout, OSError):
                client.close()
                self.lost += 1
                continue
            with self.lock:
                for box, reply in zip(boxes, replies):
                    self.codes[reply[:3].decode()] += 1
                    if reply.startswith(b"250"):
                        self.accepted[name, box] += 1
            waiting = [n for n, reply in zip(waiting, replies)
                       if not reply.startswith(b"250")]


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


class Killer(threading.Thread):
    """Kills workers, and now and then the process of a connection."""

    def __init__(self, master):
        super().__init__(daemon=True)
        self.master, self.killed = master, collections.Counter()
        self.enough = threading.Event()

    def kill(self, kind, pid):
        try:
            os.kill(pid, signal.SIGKILL)
            self.killed[kind] += 1
        except ProcessLookupError:
            pass

    def run(self):
        while not self.enough.is_set():
            speakers = children(self.master)
            workers = [w for s in speakers for w in children(s)]
            if workers:
                self.kill("workers", random.choice(workers))
            if speakers and random.random() < 0.02:
                self.kill("connections", random.choice(speakers))
            self.enough.wait(0.003)


def stored():
    """How often each number is in each mailbox, all of them whole."""
    found = collections.Counter()
    for n in range(BOXES):
        box = "u%d" % n
        for path in mails("/srv/mail/v.test/%s/Maildir" % box):
            octets = read(path)
            octets = octets if isinstance(octets, bytes) else octets.encode()
            name, want = ID.findall(octets), SUM.findall(octets)
            same((len(name), len(want)), (1, 1), "numbers in " + path)
            body = octets.partition(b"\n\n")[2]
            same(hashlib.md5(body).hexdigest().encode(), want[0],
                 "sum of " + path)
            found[name[0].decode(), box] += 1
    return found


@test()
def processes_that_are_killed_lose_no_mail(world):
    world.users_file(*["u%d@v.test" % n for n in range(BOXES)])
    write("/etc/lda/soak.conf", CONFIG)
    server = world.spawn("-c", "/etc/lda/soak.conf", "-l",
                         "unix:%s,mode=666" % SOCKET, program=PROGRAM,
                         user="vmail")
    until = time.monotonic() + 10
    while not os.path.exists(SOCKET) and time.monotonic() < until:
        time.sleep(0.01)
    true(os.path.exists(SOCKET), "the server does not listen: %s" % "\n".join(
        line.raw for line in world.sink.since(0, "lda-lmtp")[-3:]))
    names = ["m%d" % i for i in range(MAILS // 2)]      # two boxes each
    ledger, killer = Ledger(), Killer(server.pid)
    clients = [threading.Thread(target=ledger.run, args=(names[i::CLIENTS],))
               for i in range(CLIENTS)]
    killer.start()
    for client in clients:
        client.start()
    for client in clients:
        client.join(3600)
        true(not client.is_alive(), "a client hangs")
    killer.enough.set()
    killer.join(10)
    same(ledger.wrong, [], "what clients met")
    # The transactions that go on end before the server does.
    server.send_signal(signal.SIGTERM)
    same(server.wait(60), 0, "exit status of the server")

    found = stored()
    same(set(ledger.accepted), set(ledger.tried), "accepted in the end")
    lost = [key for key in ledger.accepted
            if found[key] < ledger.accepted[key]]
    same(lost, [], "accepted, and not there")
    more = [key for key in found if found[key] > ledger.tried[key]]
    same(more, [], "there more often than sent")
    true(killer.killed["workers"] > 0, "nobody was killed: no test")
    left = sum(len(debris("/srv/mail/v.test/u%d/Maildir" % n))
               for n in range(BOXES))
    true(left <= killer.killed["workers"], "debris of more than the killed")
    print("    %d mails, %d accepted, %d workers and %d connections killed, "
          "%d connections lost, %d doubled, replies %s" % (
              len(found), sum(ledger.accepted.values()),
              killer.killed["workers"], killer.killed["connections"],
              ledger.lost, sum(found.values()) - len(found),
              dict(ledger.codes)))
