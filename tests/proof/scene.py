"""scene.py - deliveries onto a disk whose power is cut, and what a reader
finds on it afterwards.

Every disk holds the same mailboxes, in a directory that is a home for virtual
users and one that is a mail spool; each delivery goes to one of them (LMTP: to
three), and all of them are read afterwards.
"""

import grp
import os
import re
import signal
import socket
import subprocess
import time

import disks
import world

PLACE = "/srv/disk"
VMAIL, BOB, ALICE = 5000, 5001, 5002
MAIL = grp.getgrnam("mail").gr_gid
SECONDS = 60

CONF = """\
mydestination = mx.invalid localhost
mail_spool_directory = %s/spool
mbox_lock_timeout = 20s
""" % PLACE


def letter(name, octets):
    head = ("From: a@b.invalid\nMessage-Id: <%s@power.invalid>\n"
            "Subject: %s\n\n" % (name, name)).encode()
    line = ("%s %s\n" % (name, "x" * 60)).encode()
    return (head + line * (octets // len(line)))[:octets - 1] + b"\n"


OLD = letter("old", 2000)
SMALL = {name: letter(name, 4096) for name in ("first", "second")}
LARGE = {"first": letter("first", 300000), "second": SMALL["second"]}
OLD_BOX = b"From old@b.invalid  Fri Nov 20 08:00:00 2026\n" + OLD + b"\n"
FROM = re.compile(rb"(?m)^From \S+  [A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d "
                  rb"\d\d:\d\d:\d\d \d{4}\n")
ADDED = re.compile(rb"(?:(?:Return-Path|Delivered-To|Received): [^\n]*\n"
                   rb"(?:[ \t][^\n]*\n)*)*")


class Found:
    """What a reader sees in one mailbox: how often each letter, whole; what
    else there is; whether the mail that was there before is as it was."""

    def __init__(self, old):
        self.letters = {"first": 0, "second": 0}
        self.torn = []
        self.old = not old

    def add(self, content, letters):
        for name, octets in letters.items():
            if content == octets:
                self.letters[name] += 1
                return
        self.torn.append(content)

    def __str__(self):
        return "first %d, second %d, old %s, torn %s" % (
            self.letters["first"], self.letters["second"],
            "whole" if self.old else "DAMAGED",
            ["%d octets, %r" % (len(t), t[:60]) for t in self.torn])


class Maildir:
    tears = False   # whatever happens, a reader never sees a part

    def __init__(self, path, uid=VMAIL, old=True, above=None, limit=None):
        self.path = path
        self.uid = uid
        self.old = old
        self.above = above      # the Maildir of which this is a folder
        self.limit = limit      # of a maildirsize that is there

    def make(self):
        if not self.old:
            return
        if self.above and not os.path.isdir(self.above):
            world.make_maildir(self.above, self.uid)
        world.make_maildir(self.path, self.uid)
        name = "%s/cur/1.old.host,S=%d,W=%d:2,S" % (
            self.path, len(OLD), len(OLD) + OLD.count(b"\n"))
        give(name, OLD, self.uid)
        if self.limit:
            give(self.path + "/maildirsize",
                 b"%dS\n%d 1\n" % (self.limit, len(OLD)), self.uid)

    def look(self, letters):
        found = Found(self.old)
        for path in world.mails(self.path):
            content = world.read(path)
            if content == OLD and self.old and "/cur/" in path:
                found.old = True
                continue
            found.add(content[ADDED.match(content).end():], letters)
        return found

    def debris(self):
        return world.debris(self.path)

    def older_than_boot(self):
        pass    # no locks


class Mbox:
    tears = True    # a part at the end, if the program is killed

    def __init__(self, path, uid=VMAIL, old=True):
        self.path = path
        self.uid = uid
        self.old = old

    def make(self):
        parent = os.path.dirname(self.path)
        if not os.path.isdir(parent):
            os.mkdir(parent, 0o700)
            os.chown(parent, self.uid, self.uid)
        if self.old:
            give(self.path, OLD_BOX, self.uid)

    def look(self, letters):
        found = Found(self.old)
        if not os.path.lexists(self.path):
            return found
        octets = world.read(self.path)
        if self.old:
            found.old = octets.startswith(OLD_BOX)
            octets = octets[len(OLD_BOX):]
        parts = FROM.split(octets)
        if parts[0]:
            found.torn.append(parts[0])
        for part in parts[1:]:
            if part.endswith(b"\n\n"):
                found.add(part[:-1], letters)
            else:
                found.torn.append(part)
        return found

    def debris(self):
        """Locks and their hitching posts."""
        directory, name = os.path.split(self.path)
        if not os.path.isdir(directory):
            return []
        return [os.path.join(directory, entry)
                for entry in os.listdir(directory)
                if entry.startswith(name + ".")
                or entry.startswith("." + name)]

    def older_than_boot(self):
        """Here nothing is started again: instead the locks are made as old
        as if it had been."""
        before = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) - 3600
        for path in self.debris():
            os.utime(path, (before, before))


def give(path, octets, uid):
    with open(path, "wb") as f:
        f.write(octets)
    os.chmod(path, 0o600)
    os.chown(path, uid, uid)


class Delivery:
    """One way to deliver.  program: lda, lda-mail (set-group-ID) or lda-lmtp;
    arguments; whom Postfix would start it as; the mailboxes that it fills."""

    def __init__(self, name, program, arguments, boxes, user=VMAIL,
                 letters=SMALL, env=None):
        self.name = name
        self.program = program
        self.arguments = arguments
        self.boxes = boxes
        self.user = user
        self.letters = letters
        self.env = env or {}


def virtual(user, *more, location="maildir:~/Maildir"):
    return ["-f", "a@b.invalid", "-d", user, "-o", "userdb=static", "-o",
            "mail_home=%s/v/%%n" % PLACE, "-o", "mail_location=" + location,
            *more]


def deliveries():
    home = PLACE + "/v/"
    mbox = "mbox:~/mail:INBOX=~/mbox"
    make = ("-o", "lda_mailbox_autocreate=yes")
    lmtp = ["-o", "userdb=static", "-o", "mail_home=%s/v/%%n" % PLACE, "-o",
            "mail_location=maildir:~/Maildir"]
    return [
        Delivery("maildir", "lda", virtual("there"),
                 [Maildir(home + "there/Maildir")]),
        Delivery("maildir-large", "lda", virtual("large"),
                 [Maildir(home + "large/Maildir")], letters=LARGE),
        Delivery("maildir-new", "lda", virtual("new"),
                 [Maildir(home + "new/Maildir", old=False)]),
        Delivery("folder", "lda", virtual("folder", "-m", "Work"),
                 [Maildir(home + "folder/Maildir/.Work",
                          above=home + "folder/Maildir")]),
        Delivery("folder-new", "lda", virtual("there", "-m", "New", *make),
                 [Maildir(home + "there/Maildir/.New", old=False)]),
        Delivery("quota", "lda", virtual(
            "quota", "-o", "quota_rule=*:bytes=100000"),
            [Maildir(home + "quota/Maildir", limit=100000)]),
        Delivery("quota-new", "lda", virtual(
            "count", "-o", "quota_rule=*:bytes=100000"),
            [Maildir(home + "count/Maildir")]),
        Delivery("mbox", "lda", virtual("box", location=mbox),
                 [Mbox(home + "box/mbox")]),
        Delivery("mbox-large", "lda", virtual(
            "lbox", "-o", "mail_temp_dir=%s/temp" % PLACE, location=mbox),
            [Mbox(home + "lbox/mbox")], letters=LARGE),
        Delivery("mbox-new", "lda", virtual("newbox", location=mbox),
                 [Mbox(home + "newbox/mbox", old=False)]),
        Delivery("spool-root", "lda", ["-f", "a@b.invalid", "-d", "bob"],
                 [Mbox(PLACE + "/spool/bob", BOB)], user=0),
        Delivery("spool-setgid", "lda-mail", ["-f", "a@b.invalid"],
                 [Mbox(PLACE + "/spool/bob", BOB)], user=BOB,
                 env={"USER": "bob", "HOME": "/home/bob"}),
        Delivery("spool-setgid-new", "lda-mail", ["-f", "a@b.invalid"],
                 [Mbox(PLACE + "/spool/alice", ALICE, old=False)], user=ALICE,
                 env={"USER": "alice", "HOME": "/home/alice"}),
        Delivery("lmtp", "lda-lmtp", lmtp,
                 [Maildir(home + "lmtp%d/Maildir" % i) for i in range(3)]),
        Delivery("lmtp-shared", "lda-lmtp", [
            *lmtp, "-o", "lmtp_hdr_delivery_address=none"],
            [Maildir(home + "lmtp%d/Maildir" % i) for i in range(3)]),
    ]


ALL = deliveries()


def fill():
    """The disk as it is before every delivery."""
    for name, uid, gid, mode in (
            ("v", VMAIL, VMAIL, 0o755), ("temp", 0, 0, 0o1777),
            ("spool", 0, MAIL, 0o2775)):
        path = os.path.join(PLACE, name)
        os.mkdir(path)
        os.chown(path, uid, gid)
        os.chmod(path, mode)
    made = set()
    for delivery in ALL:
        for box in delivery.boxes:
            if box.path not in made:
                made.add(box.path)
                box.make()
    for directory, names, _ in os.walk(PLACE + "/v"):
        for name in names:
            os.chown(os.path.join(directory, name), VMAIL, VMAIL)


class Scene:
    def __init__(self, scratch, source, build):
        self.programs = {}
        for name in ("lda-fault", "lda-lmtp-fault"):
            path = os.path.join(build, "check", name)
            if os.path.exists(path):
                self.programs[name] = world.read(path)
        rule = os.path.join(build, "proof", "fault_rule")
        self.programs["fault_rule"] = world.read(rule)
        self.system = os.path.join(build, "check", "root")
        self.world = world.World(scratch, world.Machine())
        self.world.build(source, None)
        self.plan = self.world.path("plan")
        self.images = self.world.path("images")
        os.mkdir(self.images)
        self._install()
        disks.begin(self.world.path("devices"))
        become_reaper()

    def _install(self):
        """Programs where each uid may start them, and the files that the
        faulty ones take for the system's."""
        for name, octets in self.programs.items():
            world.write("/usr/local/sbin/" + name, octets, 0o755)
        for name in ("lda", "lda-fault"):
            path = "/usr/local/sbin/" + name.replace("lda", "lda-mail")
            world.write(path, world.read("/usr/local/sbin/" + name), 0o755)
            os.chown(path, 0, MAIL)
            os.chmod(path, 0o2755)
        world.write("/etc/lda.conf", CONF)
        ours = self.world.path("machine")
        os.makedirs(ours + "/etc")
        os.makedirs(ours + "/libexec")
        os.mkdir(ours + "/dev")
        for name in ("lda.conf", "passwd", "group", "nsswitch.conf"):
            world.write(ours + "/etc/" + name, world.read("/etc/" + name))
        os.symlink("/dev/log", ours + "/dev/log")
        os.makedirs(self.system, exist_ok=True)
        world.mount("--bind", ours, self.system)

    def close(self):
        self.world.close()

    # Faults.

    def rule(self, *words):
        self._fault_rule("set", *map(str, words))

    def calls(self):
        """The ledger: [(process, ordinal, disturbed, call, path)]."""
        rows = []
        for line in self._fault_rule("show").splitlines():
            process, ordinal, mark, call, path = line.split(" ", 4)
            rows.append((int(process), int(ordinal), mark == "!", call, path))
        return rows

    def _fault_rule(self, *words):
        done = subprocess.run(
            ["/usr/local/sbin/fault_rule", self.plan, *words],
            capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError("fault_rule: " + done.stderr)
        return done.stdout

    # Deliveries.

    def log(self):
        """What was last written to the log."""
        self.world.sink.mark()
        return "".join("\n    log: " + line.text
                       for line in self.world.sink.lines[-3:-1])

    def start(self, delivery, faulty, **streams):
        program = delivery.program.replace(
            "lda-lmtp", "lda-lmtp-fault" if faulty else "lda-lmtp")
        if faulty and delivery.program != "lda-lmtp":
            program = program.replace("lda", "lda-fault", 1) \
                if program == "lda" else "lda-mail-fault"
        env = {"PATH": "/usr/bin:/bin", **delivery.env}
        if faulty:
            env["LDA_FAULT_PLAN"] = self.plan
        user = {} if delivery.user == 0 else {
            "user": delivery.user, "group": delivery.user,
            "extra_groups": []}
        return subprocess.Popen(
            ["/usr/local/sbin/" + program, *delivery.arguments], cwd="/",
            umask=0o077, env=env, start_new_session=True, **streams, **user)

    def deliver(self, delivery, name, faulty=False):
        """Delivers that letter: for each of the mailboxes whether the program
        has said that it is there, and a text for complaints.  Processes may
        be left; end_all ends them."""
        octets = delivery.letters[name]
        if delivery.program == "lda-lmtp":
            return self._lmtp(delivery, octets, faulty)
        self.process = self.start(
            delivery, faulty, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        # Its forks do not hold its outputs: the end of those is its end.
        said, _ = self.process.communicate(octets, timeout=SECONDS)
        status = self.process.returncode
        return [status == 0], "status %d, %r%s" % (
            status, said, "" if status == 0 else self.log())

    def _lmtp(self, delivery, octets, faulty):
        ours, theirs = socket.socketpair()
        ours.settimeout(SECONDS)
        self.process = self.start(
            delivery, faulty, stdin=theirs, stdout=theirs, stderr=theirs)
        theirs.close()
        answers = []
        said = b""
        try:
            with ours, ours.makefile("rb") as lines:
                for command, wanted in (
                        (b"", 1), (b"LHLO client.invalid\r\n", 1),
                        (b"MAIL FROM:<a@b.invalid>\r\n", 1),
                        *((b"RCPT TO:<lmtp%d@x.invalid>\r\n" % i, 1)
                          for i in range(len(delivery.boxes))),
                        (b"DATA\r\n", 1),
                        (octets.replace(b"\n", b"\r\n") + b".\r\n",
                         len(delivery.boxes))):
                    ours.sendall(command)
                    answers = [self._reply(lines) for _ in range(wanted)]
                    said += b"".join(answers)
        except (ConnectionError, EOFError, BrokenPipeError):
            pass
        yes = [answer.startswith(b"250 2.") for answer in answers] \
            if len(answers) == len(delivery.boxes) else []
        if b"354" not in said:
            yes = []
        return (yes + [False] * len(delivery.boxes))[:len(delivery.boxes)], \
            repr(said[-300:])

    @staticmethod
    def _reply(lines):
        whole = b""
        while True:
            line = lines.readline()
            if not line:
                raise EOFError
            whole += line
            if line[3:4] != b"-":
                return whole

    def end_all(self):
        """Ends the process and what it has forked."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.wait_all()

    def wait_all(self):
        """Waits for them; their own deadlines end them."""
        self.process.wait()
        while True:
            try:
                os.waitpid(-self.process.pid, 0)
            except ChildProcessError:
                return


def become_reaper():
    """The forks of what we start become our children when it has ended."""
    pr_set_child_subreaper = 36
    if disks.libc.prctl(pr_set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError("prctl")
