"""world.py - a private machine to deliver mail on.

Real Postfix and real users need /etc/passwd, /etc/lda.conf, /home, /dev/log
and /usr/local.  None of the host's may be touched, so the runner lives in
name spaces of its own: every one of these places is a mount from one tmpfs
that ends with the last process in it, all others are read-only, the network
is a loopback of its own, and a process space makes sure that nothing outlives
the run.

The checkout may be unreadable to the users that Postfix delivers as, and may
itself lie below a place that is hidden here; so it is installed first, and
nothing of it is used after that.
"""

import fcntl
import grp
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

# Ways to get a private world, best first: what is left out is done without
# (another port instead of a private network, waiting instead of a process
# space).  The mount space is not optional.
MOUNT = ["--mount", "--propagation", "private"]
PROCESSES = ["--pid", "--fork", "--kill-child", "--mount-proc"]
SPACES = [
    MOUNT + ["--net", "--uts"] + PROCESSES,
    MOUNT + ["--uts"] + PROCESSES,
    MOUNT + ["--net", "--uts"],
    MOUNT + ["--net"],
    MOUNT,
]

HOST = "mx.invalid"

# name, uid, supplementary groups, home.  "ghost" is known and has no home.
USERS = [
    ("vmail", 5000, [], "/srv/mail"),
    ("bob", 5001, [], "/home/bob"),
    ("alice", 5002, ["staffers"], "/home/alice"),
    ("eve", 5003, [], "/home/eve"),
    ("ghost", 5004, [], "/home/ghost"),
    ("carol", 5005, [], "/home/carol"),
    ("dave", 5006, [], "/home/dave"),
    ("low", 499, [], "/home/low"),
]
HOMELESS = ("vmail", "ghost")
GROUPS = [("staffers", 5050)]

LINE = re.compile(
    r"^<(\d+)>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?"
    r"([\w/.-]+)(?:\[(\d+)\])?: (.*)$", re.DOTALL)

LDA_CONF = """\
# the system tests' /etc/lda.conf
mail_location = maildir:~/Maildir
userdb = passwd passwd-file:/etc/lda/users
mydestination = %s localhost
""" % HOST


class Machine:
    """What this computer has, by the words that tests name in their needs."""

    def __init__(self):
        self.missing = {}
        for word, program, package in (
                ("postfix", "/usr/sbin/postfix", "postfix"),
                ("dovecot", "/usr/sbin/dovecot", "dovecot-imapd"),
                ("dovecot-lda", "/usr/lib/dovecot/deliver", "dovecot-core"),
                ("mutt", "/usr/bin/mutt", "mutt"),
                ("sudo", "/usr/bin/sudo", "sudo"),
                ("strace", "/usr/bin/strace", "strace"),
                ("systemd", "/usr/bin/systemd-socket-activate", "systemd")):
            if not os.access(program, os.X_OK):
                self.missing[word] = "no %s (package %s)" % (program, package)
        if ("dovecot" not in self.missing
                and not os.access("/usr/lib/dovecot/imap", os.X_OK)):
            self.missing["dovecot"] = "no imap (package dovecot-imapd)"
        with open("/proc/filesystems") as f:
            if "fuse" not in f.read().split() or not os.path.exists(
                    "/dev/fuse"):
                self.missing["fuse"] = "the kernel has no FUSE"

    def why_not(self, needs):
        """The reason why a test with these needs cannot run, or None."""
        return next((self.missing[n] for n in needs if n in self.missing),
                    None)


def spaces_we_get():
    """The best row of SPACES that the kernel grants us, or None."""
    for flags in SPACES:
        tried = subprocess.run(["unshare", *flags, "--", "/bin/true"],
                               capture_output=True)
        if tried.returncode == 0:
            return flags
    return None


class Line:
    """One datagram of the log."""

    def __init__(self, raw):
        found = LINE.match(raw)
        self.raw = raw
        self.priority = int(found[1]) if found else None
        self.tag = found[2] if found else None
        self.pid = int(found[3]) if found and found[3] else None
        self.text = found[4] if found else raw


class Sink:
    """Reads /dev/log.  Postfix, Dovecot and lda all write there, so that one
    list has everything in the order in which it happened."""

    def __init__(self, path="/dev/log"):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.lines = []
        self.more = threading.Condition()
        self.echoes = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            raw = self.socket.recv(65536).decode("utf-8", "surrogateescape")
            with self.more:
                self.lines.append(Line(raw))
                self.more.notify_all()

    def mark(self):
        """A place in the log; what was sent before it stands before it."""
        self.echoes += 1
        text = "mark %d" % self.echoes
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(("<22>mark: " + text).encode(), self.path)
        mine = self.wait(lambda line: line.tag == "mark" and line.text == text)
        return self.lines.index(mine) + 1

    def wait(self, wanted, since=0, seconds=30):
        """The first line after since that is wanted, or None in time."""
        until = time.monotonic() + seconds
        at = since
        with self.more:
            while True:
                while at < len(self.lines):
                    if wanted(self.lines[at]):
                        return self.lines[at]
                    at += 1
                left = until - time.monotonic()
                if left <= 0:
                    return None
                self.more.wait(left)

    def since(self, mark, tag=None, pid=None):
        self.mark()
        return [line for line in self.lines[mark:]
                if (tag is None or line.tag == tag)
                and (pid is None or line.pid == pid) and line.tag != "mark"]

    def lda(self, mark):
        """What lda has logged since mark, as one text."""
        return "\n".join(line.text for line in self.since(mark, "lda"))


class Run:
    """One lda that was started without Postfix."""

    def __init__(self, process, out, err, log):
        self.status = process.returncode
        self.out = out
        self.err = err
        self.reply = out.decode("utf-8", "replace")
        self.log = "\n".join(line.text for line in log)

    def __str__(self):
        return "status %s, stdout %r, stderr %r, log:\n      %s" % (
            self.status, self.out, self.err,
            self.log.replace("\n", "\n      "))


class World:
    def __init__(self, scratch, machine):
        self.scratch = scratch
        self.machine = machine
        self.private_net = False
        self.sink = None
        self.lda = None
        self.postfix = None
        self.dovecot = None
        self.started = []

    # Building it.

    def build(self, source, installed):
        """source: the checkout.  installed: a tree that somebody has already
        installed with DESTDIR, or None to install from source."""
        mount("-t", "tmpfs", "-o", "mode=1777", "lda-system", self.scratch)
        stage = self.path("world/stage")
        os.makedirs(stage)
        if installed:
            copied = subprocess.run(
                ["cp", "-a", os.path.abspath(installed) + "/.", stage])
            true_or_die(copied.returncode == 0, "copy of " + installed)
        else:
            done = subprocess.run(
                ["make", "-s", "install", "DESTDIR=" + stage,
                 "PREFIX=/usr/local", "SYSCONFDIR=/etc"],
                cwd=source, stdin=subprocess.DEVNULL)
            true_or_die(done.returncode == 0, "make install")
        # From here on nothing of the host can be written, and what is ours
        # is below /tmp, which is all of our tmpfs.
        os.chdir("/")
        read_only()
        mount("--move", self.scratch, "/tmp")
        self.scratch = "/tmp/world"
        stage = self.path("stage")
        self._etc(stage)
        self._places(stage)
        self._dev()
        self._net()
        self.sink = Sink()
        self.lda = next(
            (p for p in ("/usr/local/sbin/lda", "/usr/local/bin/lda",
                         "/usr/local/libexec/lda/lda")
             if os.access(p, os.X_OK)), None)
        true_or_die(self.lda, "lda is not among what was installed")
        self.tidy()

    def path(self, *parts):
        return os.path.join(self.scratch, *parts)

    def _etc(self, stage):
        etc = self.path("etc")
        subprocess.run(["cp", "-a", "/etc", etc], check=True)
        if os.path.isdir(os.path.join(stage, "etc")):
            shutil.copytree(os.path.join(stage, "etc"), etc,
                            dirs_exist_ok=True)
        os.makedirs(os.path.join(etc, "lda"), exist_ok=True)
        self._accounts(etc)
        write(os.path.join(etc, "nsswitch.conf"),
              "passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
        write(os.path.join(etc, "hosts"), "127.0.0.1 localhost %s\n" % HOST)
        mount("--bind", etc, "/etc")

    def _accounts(self, etc):
        """Adds our users and groups; the host's of the same name or number
        are out of the way for us."""
        ours = {name for name, *_ in USERS} | {name for name, _ in GROUPS}
        numbers = {str(uid) for _, uid, *_ in USERS}
        numbers |= {str(gid) for _, gid in GROUPS}
        passwd = ["%s:x:%d:%d::%s:/bin/sh" % (name, uid, uid, home)
                  for name, uid, _, home in USERS]
        group = ["%s:x:%d:" % (name, uid) for name, uid, *_ in USERS]
        group += ["%s:x:%d:%s" % (name, gid, ",".join(
            user for user, _, groups, _ in USERS if name in groups))
            for name, gid in GROUPS]
        for file, lines in (("passwd", passwd), ("group", group)):
            path = os.path.join(etc, file)
            kept = [line for line in read(path).decode().splitlines()
                    if line.split(":")[0] not in ours
                    and line.split(":")[2:3] != []
                    and line.split(":")[2] not in numbers]
            write(path, "\n".join(kept + lines) + "\n")

    def _places(self, stage):
        for place in ("/home", "/root", "/srv", "/var/mail", "/usr/local"):
            true_or_die(os.path.isdir(place), place + " is not there")
            own = self.path(place.strip("/").replace("/", "-"))
            if place == "/usr/local":
                own = os.path.join(stage, "usr/local")
                true_or_die(os.path.isdir(own), "nothing in /usr/local")
                os.chmod(stage, 0o755)
            else:
                os.mkdir(own)
            mount("--bind", own, place)
        os.chmod("/root", 0o700)
        os.chmod("/var/mail", 0o2775)
        os.chown("/var/mail", 0, grp.getgrnam("mail").gr_gid)
        for name, uid, _, home in USERS:
            if name not in HOMELESS:
                os.mkdir(home, 0o700)
                os.chown(home, uid, uid)
        os.mkdir("/srv/mail", 0o755)
        os.chown("/srv/mail", 5000, 5000)

    def _dev(self):
        """A /dev with the usual nodes of the host and a log that is ours."""
        own = self.path("dev")
        os.mkdir(own)
        mount("-t", "tmpfs", "-o", "mode=755", "lda-system-dev", own)
        for name in ("null", "zero", "full", "random", "urandom", "tty",
                     "fuse"):
            if os.path.exists("/dev/" + name):
                write(os.path.join(own, name), "")
                mount("--bind", "/dev/" + name, os.path.join(own, name))
        for name, type_, options in (
                ("pts", "devpts", "newinstance,ptmxmode=666,mode=620"),
                ("shm", "tmpfs", "mode=1777")):
            os.mkdir(os.path.join(own, name))
            mount("-t", type_, "-o", options, "lda-system-" + name,
                  os.path.join(own, name))
        for name, target in (
                ("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"),
                ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
                ("stderr", "/proc/self/fd/2")):
            os.symlink(target, os.path.join(own, name))
        mount("--rbind", own, "/dev")

    def _net(self):
        """A network of our own comes with a loopback that is down; the
        host's, where we got none, is left as it is."""
        self.private_net = loopback_up()
        try:
            if is_ours("uts"):
                socket.sethostname(HOST)
        except OSError:
            pass

    # Between tests.

    def tidy(self):
        """The state in which every test starts: our lda.conf, no folders, no
        mail, nothing that the last test has left in /etc/lda."""
        write("/etc/lda.conf", LDA_CONF)
        write("/etc/lda/users", "")
        if self.postfix:
            self.postfix.forget()

    def users_file(self, *names, path="/etc/lda/users", more=""):
        """A passwd-file with these name@domain, each with a fresh home."""
        lines = []
        for name in names:
            user, domain = name.rsplit("@", 1)
            home = "/srv/mail/%s/%s" % (domain, user)
            shutil.rmtree(home, ignore_errors=True)
            lines.append("%s::5000:5000::%s::%s" % (name, home, more))
        write(path, "".join(line + "\n" for line in lines))

    def home_of(self, name):
        user, domain = name.rsplit("@", 1)
        return "/srv/mail/%s/%s" % (domain, user)

    def make_home(self, name):
        """Makes the home of a virtual user, which lda would do otherwise."""
        home = self.home_of(name)
        for path in (os.path.dirname(home), home):
            if not os.path.isdir(path):
                os.mkdir(path, 0o700)
                os.chown(path, 5000, 5000)
        return home

    def fresh_home(self, user, maildir=True):
        """Empties a system user's home; with maildir, makes ~/Maildir."""
        entry = pwd.getpwnam(user)
        for name in os.listdir(entry.pw_dir):
            path = os.path.join(entry.pw_dir, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        if maildir:
            make_maildir(os.path.join(entry.pw_dir, "Maildir"), entry.pw_uid)
        return entry.pw_dir

    # Running lda without Postfix.

    def spawn(self, *args, user="root", env=None, cwd="/", stdin=None,
              umask=0o077, program=None, stdout=None, stderr=None):
        """Starts lda with a pipe on each descriptor."""
        entry = pwd.getpwnam(user)
        identity = {}
        if entry.pw_uid != 0:
            identity = {"user": entry.pw_uid, "group": entry.pw_gid,
                        "extra_groups": []}
        process = subprocess.Popen(
            [program or self.lda, *args], cwd=cwd, umask=umask,
            env={"PATH": "/usr/bin:/bin", **(env or {})},
            stdin=subprocess.PIPE if stdin is None else stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE if stderr is None else stderr, **identity)
        self.started.append(process)
        return process

    def run(self, *args, stdin=b"", seconds=30, **how):
        mark = self.sink.mark()
        process = self.spawn(*args, **how)
        try:
            out, err = process.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError("lda %s took more than %d s" % (
                " ".join(args), seconds)) from None
        log = self.sink.since(mark, "lda", process.pid)
        return Run(process, out or b"", err or b"", log)

    def end(self):
        """Ends what was started here, by process id, newest first."""
        for process in reversed(self.started):
            if process.poll() is None:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream and not stream.closed:
                    try:
                        stream.close()
                    except OSError:
                        pass
        self.started.clear()

    def close(self):
        self.end()
        if self.dovecot:
            self.dovecot.stop()
        if self.postfix:
            self.postfix.stop()


# Small things.

class CannotBuild(Exception):
    """The private world does not come up; the text says what is missing."""


def true_or_die(condition, what):
    if not condition:
        raise CannotBuild(what)


def mount(*args):
    # -n: the table of mounts that mount(8) keeps in /run is the host's.
    subprocess.run(["mount", "-n", *args], check=True)


def read_only():
    """Makes every mount of the host read-only for us.  Some of the kernel's
    own cannot be, and need not."""
    with open("/proc/self/mountinfo") as f:
        rows = [line.split() for line in f]
    for row in rows:
        place = row[4].encode().decode("unicode_escape")
        kind = row[row.index("-") + 1]
        if kind not in ("proc", "sysfs", "devpts", "cgroup", "cgroup2") \
                and row[row.index("-") + 2] != "lda-system":
            subprocess.run(["mount", "-n", "-o", "remount,bind,ro", place],
                           capture_output=True)


def umount(path):
    subprocess.run(["umount", "-n", path], check=True)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, content, mode=0o644):
    """Replaces a file as an editor would, never half seen."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path + ".new"
    with open(temporary, "wb") as f:
        f.write(data)
    os.chmod(temporary, mode)
    os.rename(temporary, path)


def make_maildir(path, uid, mode=0o700):
    for sub in ("", "cur", "new", "tmp"):
        os.makedirs(os.path.join(path, sub), mode=mode, exist_ok=True)
        os.chown(os.path.join(path, sub), uid, uid)


def mails(maildir, *parts):
    """Sorted paths of what a reader of this Maildir can see."""
    found = []
    for sub in ("new", "cur"):
        directory = os.path.join(maildir, *parts, sub)
        if os.path.isdir(directory):
            found += [os.path.join(directory, name)
                      for name in os.listdir(directory)]
    return sorted(found)


def debris(maildir, *parts):
    directory = os.path.join(maildir, *parts, "tmp")
    return os.listdir(directory) if os.path.isdir(directory) else []


def status_of(pid):
    """/proc/PID/status as a dictionary, or None when it is gone."""
    try:
        with open("/proc/%d/status" % pid) as f:
            return dict(line.rstrip("\n").split(":\t", 1)
                        for line in f if ":\t" in line)
    except OSError:
        return None


def uid_of(pid):
    status = status_of(pid)
    return int(status["Uid"].split()[0]) if status else None


def catch(name, uid, after, seconds=10):
    """Stops the first process of this name and uid that shows itself after
    after() was called; its pid, or None.  Looking is a busy loop: what we
    look for lives for milliseconds."""
    before = set(os.listdir("/proc"))
    ours = os.readlink("/proc/self/ns/mnt")
    after()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for pid in set(os.listdir("/proc")) - before:
            if not pid.isdigit():
                continue
            try:
                with open("/proc/%s/comm" % pid) as f:
                    if f.read().strip() != name:
                        continue
                if uid_of(int(pid)) != uid:
                    continue
                # Without a process space of our own we see the host's: a
                # program of the same name there is none of our business.
                if os.readlink("/proc/%s/ns/mnt" % pid) != ours:
                    continue
                os.kill(int(pid), signal.SIGSTOP)
                return int(pid)
            except (OSError, ProcessLookupError):
                continue
    return None


def gone(pid, seconds=10):
    """Waits until a process that is not our child has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        status = status_of(pid)
        if status is None or status["State"].startswith("Z"):
            return True
        time.sleep(0.01)
    return False


def is_ours(space):
    """Whether this name space is another one than the host's, which the
    runner has left in the environment before it entered."""
    return (os.readlink("/proc/self/ns/" + space)
            != os.environ.get("LDA_HOST_" + space.upper()))


def loopback_up():
    if not is_ours("net"):
        return False
    siocsifflags, iff_up_running = 0x8914, 0x41
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, siocsifflags,
                    struct.pack("16sh22x", b"lo", iff_up_running))
    return True


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
