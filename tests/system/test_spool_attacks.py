"""test_spool_attacks.py - eve against bob's mail, in spools that she can
write: entries planted beforehand, and entries swapped while lda is between a
check and its use.

What must hold whatever she does: nothing that was not hers has changed, no
file is made outside the spool, nothing hangs, and "sent" is only said of a
mail that bob has.
"""

import os
import random
import socket
import time

import spool
from cases import Skip, has, same, test, true
from letters import Letter
from spool import MAIL, SPOOL, AsUser, Box, as_user, box, prepare
from test_spool import LOCAL
from world import read, write

BOB, EVE, ALICE = 5001, 5003, 5002
PRECIOUS = b"precious\n"
PROTECTED = ("protected_symlinks", "protected_hardlinks",
             "protected_regular", "protected_fifos")


class Protection:
    """fs.protected_* all at one value, and back at the end of the block."""

    def __init__(self, value):
        self.value = value
        self.before = {}

    def __enter__(self):
        try:
            for name in PROTECTED:
                path = "/proc/sys/fs/" + name
                with open(path) as f:
                    self.before[path] = f.read().strip()
                self._set(path, str(self.value))
        except OSError as why:
            self.__exit__()
            raise Skip("fs.protected_* cannot be set: %s" % why) from None

    @staticmethod
    def _set(path, value):
        with open(path, "w") as f:
            f.write(value)

    def __exit__(self, *_):
        for path, value in self.before.items():
            self._set(path, value)


class Victims:
    """What eve wants changed: files of bob, alice and root."""

    def __init__(self):
        self.files = {}
        for path, uid, mode in (
                ("/home/bob/precious", BOB, 0o600),
                ("/home/alice/precious", ALICE, 0o666),
                (SPOOL + "/alice", ALICE, 0o660),
                ("/srv/precious", 0, 0o644)):
            write(path, PRECIOUS)
            os.chown(path, uid, MAIL if path.startswith(SPOOL) else uid)
            os.chmod(path, mode)
            self.files[path] = self._facts(path)
        # Hard links need a directory that eve can reach.
        for home in ("/home/bob", "/home/alice", "/home/eve"):
            os.chmod(home, 0o711)
        self.homes = self._homes()

    @staticmethod
    def _facts(path):
        entry = os.lstat(path)
        return (entry.st_ino, entry.st_mode, entry.st_uid, entry.st_gid,
                entry.st_size, entry.st_mtime_ns)

    @staticmethod
    def _homes():
        return {home: sorted(os.listdir(home))
                for home in ("/home/bob", "/home/alice", "/srv")}

    def unharmed(self, after):
        for path, facts in self.files.items():
            same(self._facts(path), facts, "%s after %s" % (path, after))
            same(read(path), PRECIOUS, path)
        same(self._homes(), self.homes, "files in homes after " + after)


def fresh(w, mode):
    lda = prepare(w, "bob", "alice", "eve", mode=mode,
                  conf=spool.CONF.replace("2s", "0s"))
    return lda, Victims()


def touch(path, text=b"", mode=0o666):
    """Never through a link: what is hers she may write without us."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW)
    os.write(fd, text)
    os.fchmod(fd, mode)
    os.close(fd)


def fifo(path):
    os.mkfifo(path)
    os.chmod(path, 0o666)


def bound(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)


# What stands at a name; each is done by eve.
PLANTS = {
    "symlink to bob's file": lambda p: os.symlink("/home/bob/precious", p),
    "symlink to alice's file": lambda p: os.symlink("/home/alice/precious", p),
    "symlink to alice's mail": lambda p: os.symlink("alice", p),
    "symlink to nowhere": lambda p: os.symlink("/home/bob/evil", p),
    "symlink to nowhere beside it": lambda p: os.symlink("evil", p),
    "hard link of bob's file": lambda p: os.link("/home/bob/precious", p),
    "hard link of alice's file": lambda p: os.link("/home/alice/precious", p),
    "hard link of alice's mail": lambda p: os.link(SPOOL + "/alice", p),
    "hard link of root's file": lambda p: os.link("/srv/precious", p),
    "FIFO": fifo,
    "socket": bound,
    "directory": lambda p: os.mkdir(p, 0o777),
    "file of eve": touch,
    "file of eve with a text": lambda p: touch(p, b"1:x", 0o444),
}

# How lda is started; each as (program or None, user, arguments).
STARTS = {
    "set-group-ID": lambda lda: (lda, "bob", []),
    "root": lambda lda: (None, "root", ["-d", "bob"]),
}


def plant(path, kind):
    """Whether eve could."""
    def do():
        try:
            PLANTS[kind](path)
        except OSError:
            return 3
        return 0
    return as_user(EVE, do) == 0


def start(w, lda, how, *more, seconds=20):
    program, user, args = STARTS[how](lda)
    return w.run(*args, *more, user=user, program=program, seconds=seconds,
                 env=LOCAL if user == "bob" else {}, stdin=Letter().octets)


def judge(run, after, victims):
    true(run.status in (0, 75), "%s: %s" % (after, run))
    if run.status == 75:
        true(run.reply.startswith("4."), "%s: %s" % (after, run))
    victims.unharmed(after)


def planted_at(w, name, protected, modes=(0o1777,)):
    count = 0
    with Protection(protected):
        for mode in modes:
            for how in STARTS:
                for kind in PLANTS:
                    lda, victims = fresh(w, mode)
                    if not plant(os.path.join(SPOOL, name), kind):
                        continue
                    # The planting itself may have added a link.
                    victims.files = {p: Victims._facts(p)
                                     for p in victims.files}
                    after = "%s at %s in %o, started by %s" % (
                        kind, name, mode, how)
                    began = time.monotonic()
                    run = start(w, lda, how)
                    true(time.monotonic() - began < 3, after + ": slow")
                    judge(run, after, victims)
                    true(not os.path.lexists(SPOOL + "/evil"), after)
                    count += 1
                    if name == "bob":
                        same(run.status, 75, after + ": " + str(run))
                    elif run.status == 0:
                        box("bob", 1, uid=BOB)
    true(count >= 12, "eve could plant only %d" % count)


@test()
def a_planted_mailbox_without_the_kernels_protection(w):
    planted_at(w, "bob", 0)


@test()
def a_planted_mailbox_with_the_kernels_protection(w):
    planted_at(w, "bob", 1)


@test()
def a_planted_lock_without_the_kernels_protection(w):
    planted_at(w, "bob.lock", 0)


@test()
def a_planted_lock_with_the_kernels_protection(w):
    planted_at(w, "bob.lock", 1)


@test()
def planted_hitching_posts(w):
    """All the names that they may have; in a sticky spool bob cannot take
    eve's away, and the log says whose they are."""
    for protected in (0, 1):
        with Protection(protected):
            for kind in ("symlink to bob's file", "symlink to nowhere",
                         "hard link of root's file", "FIFO", "directory",
                         "file of eve"):
                for how in STARTS:
                    lda, victims = fresh(w, 0o1777)
                    could = [plant("%s/.bob.lock.%s%d" % (SPOOL, what, i),
                                   kind)
                             for i in range(16) for what in ("post", "aside")]
                    victims.files = {p: Victims._facts(p)
                                     for p in victims.files}
                    run = start(w, lda, how)
                    after = kind + " at every post, by " + how
                    judge(run, after, victims)
                    if all(could):
                        same(run.status, 75, after + ": " + str(run))
                        has(run.log, r"owner uid %d" % (
                            0 if "root's" in kind else EVE))


@test()
def a_lock_of_somebody_who_keeps_it_alive(w):
    for content in (b"", b"0", b"1", b"1:" + socket.gethostname().encode()):
        for how in STARTS:
            lda, victims = fresh(w, 0o1777)

            def refresh():
                touch(SPOOL + "/bob.lock", content)
                for _ in range(400):
                    os.utime(SPOOL + "/bob.lock")
                    time.sleep(0.01)
            with AsUser(EVE, refresh):
                while not os.path.exists(SPOOL + "/bob.lock"):
                    time.sleep(0.001)
                began = time.monotonic()
                run = start(w, lda, how)
                took = time.monotonic() - began
            same(run.status, 75, str(run))
            true(run.reply.startswith("4.2.0"), str(run))
            true(took < 1.5, "took %.1f s" % took)
            has(run.log, "owner uid %d" % EVE)
            victims.unharmed("a lock that is kept alive")


@test()
def what_eve_leaves_in_the_spool_of_a_group_she_is_not_in(w):
    """2775 root:mail: she can plant nothing."""
    lda, victims = fresh(w, 0o2775)
    for name in ("bob", "bob.lock", ".bob.lock.post3"):
        for kind in PLANTS:
            true(not plant(os.path.join(SPOOL, name), kind),
                 "eve can plant " + kind)
    same(start(w, lda, "set-group-ID").status, 0, "status")


# Races.

DELAYS = ["openat", "linkat", "renameat", "unlinkat", "newfstatat", "fstat",
          "fcntl", "write", "fsync"]


ROUNDS = 3


def swap(names, seed):
    """Eve, in a loop: takes away what stands at a name and puts something
    else there, again and again."""
    chance = random.Random(seed)
    kinds = list(PLANTS)
    until = time.monotonic() + 25
    while time.monotonic() < until:
        path = os.path.join(SPOOL, chance.choice(names))
        choice = chance.random()
        try:
            if choice < 0.3:
                os.unlink(path)
            elif choice < 0.4:
                os.rmdir(path)
            elif choice < 0.5:
                os.rename(path, SPOOL + "/.eve%d" % chance.randrange(4))
            elif choice < 0.6:
                os.rename(SPOOL + "/.eve%d" % chance.randrange(4), path)
            else:
                PLANTS[chance.choice(kinds)](path)
        except OSError:
            pass
        time.sleep(0.001)
    return 0


def delayed(w, lda, how, call, microseconds):
    """lda with every call of this name stretched."""
    program, user, args = STARTS[how](lda)
    return spool.strace(
        w, program or w.lda, *args, user=user, env=LOCAL if user == "bob"
        else {}, stdin=Letter().octets, seconds=30,
        options=["-e", "trace=" + call, "-e", "inject=%s:delay_enter=%d"
                 % (call, microseconds)])


def races(w, mode, names, protected):
    ended = {0: 0, 75: 0}
    with Protection(protected):
        for how in STARTS:
            lda, victims = fresh(w, mode)
            for call in DELAYS:
                spool.empty(SPOOL)
                victims = Victims()
                links = {p: f[:4] for p, f in victims.files.items()}
                with AsUser(EVE, lambda c=call: swap(names, c)):
                    for _ in range(ROUNDS):
                        status, out, _ = delayed(w, lda, how, call, 20000)
                        true(status in ended, "%s delayed, by %s: status %d"
                             " %r" % (call, how, status, out))
                        ended[status] += 1
                after = "races with %s delayed, by %s" % (call, how)
                for path in victims.files:
                    if path.startswith(SPOOL) and mode == 0o777:
                        continue    # there she may rename what she likes
                    same(read(path), PRECIOUS, "%s after %s" % (path, after))
                    same(Victims._facts(path)[:4], links[path], after)
                same(Victims._homes(), victims.homes, after)
    true(sum(ended.values()) == len(STARTS) * len(DELAYS) * ROUNDS, str(ended))


@test()
def swapped_entries_in_a_sticky_spool(w):
    races(w, 0o1777, ["bob", "bob.lock", ".bob.lock.post1",
                      ".bob.lock.aside1"], 0)


@test()
def swapped_entries_in_a_spool_without_the_sticky_bit(w):
    races(w, 0o777, ["bob", "bob.lock"], 0)


def later(change):
    """A process that does it in a quarter of a second, as root."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            time.sleep(0.25)
            change()
            status = 0
        finally:
            os._exit(status)
    return pid


def happened(pid):
    same(os.waitpid(pid, 0)[1], 0, "the change that a test makes meanwhile")


# Linux has none above 4194304.
NO_PID = 4999999


def replaced_between_look_and_break(w, owner):
    """A lock that is stale when lda looks at it, and that somebody who has
    found the same has replaced by his own before lda takes it away."""
    lda = prepare(w, "bob")
    host = socket.gethostname()
    write(SPOOL + "/bob.lock", "%d:%s" % (NO_PID, host))
    ours = "%d:%s" % (os.getpid(), host)

    def change():
        write(SPOOL + "/fresh", ours)
        os.chown(SPOOL + "/fresh", owner, MAIL)
        os.rename(SPOOL + "/fresh", SPOOL + "/bob.lock")
    pid = later(change)
    status, _, calls = spool.strace(
        w, lda, "-o", "mbox_lock_timeout=1s", env=LOCAL,
        stdin=Letter().octets,
        options=["-e", "trace=/rename|link",
                 "-e", "inject=/rename:delay_enter=800ms"])
    happened(pid)
    story = "\n    ".join(map(str, calls))
    true("rename" in story, "nothing was renamed: " + story)
    true(os.path.exists(SPOOL + "/bob.lock"),
         "somebody's fresh lock is gone, status %d\n    %s" % (status, story))
    same(read(SPOOL + "/bob.lock").decode(), ours, "the fresh lock")
    same(status, 75, "exit status")
    same(sorted(os.listdir(SPOOL)), ["bob", "bob.lock"], "the spool")
    same(os.stat(SPOOL + "/bob").st_size, 0, "the mailbox")
    same(os.stat(SPOOL + "/bob.lock").st_nlink, 1, "names of the lock")


@test()
def a_fresh_lock_of_the_recipient_is_put_back(w):
    replaced_between_look_and_break(w, BOB)


@test()
def a_fresh_lock_of_postfix_is_put_back(w):
    """Of root: with fs.protected_hardlinks nobody else may link it."""
    with Protection(1):
        replaced_between_look_and_break(w, 0)


def between_open_and_lock(w, change):
    """lda has opened the mailbox and is about to lock it when change()
    happens; its status, and what it has said."""
    lda = prepare(w, "bob")
    write(SPOOL + "/bob", b"")
    os.chown(SPOOL + "/bob", BOB, MAIL)
    os.chmod(SPOOL + "/bob", 0o660)
    pid = later(change)
    status, out, calls = spool.strace(
        w, lda, env=LOCAL, stdin=Letter().octets,
        options=["-P", SPOOL + "/bob", "-e", "trace=fcntl,write,openat",
                 "-e", "inject=fcntl:delay_enter=600ms:when=1"])
    happened(pid)
    true(any("DELAYED" in c.rest for c in calls), "no lock was delayed")
    return status, out


@test()
def a_mailbox_replaced_between_open_and_lock_gets_the_mail(w):
    def change():
        write(SPOOL + "/fresh", b"")
        os.chown(SPOOL + "/fresh", BOB, MAIL)
        os.rename(SPOOL + "/bob", SPOOL + "/was")
        os.rename(SPOOL + "/fresh", SPOOL + "/bob")
    status, out = between_open_and_lock(w, change)
    same(status, 0, "status, %r" % out)
    same(len(Box(read(SPOOL + "/bob")).mails), 1, "mails")
    same(read(SPOOL + "/was"), b"", "what was the mailbox before")


@test()
def what_happens_to_a_mailbox_between_open_and_lock_is_seen(w):
    victim = SPOOL + "/victim"

    def second_name():
        os.link(SPOOL + "/bob", victim)

    def other_owner():
        os.chown(SPOOL + "/bob", ALICE, MAIL)

    def symlink():
        os.rename(SPOOL + "/bob", victim)
        os.symlink(victim, SPOOL + "/bob")

    for change in (second_name, other_owner, symlink):
        status, out = between_open_and_lock(w, change)
        same(status, 75, "status, %s, %r" % (change.__name__, out))
        same(read(victim if os.path.exists(victim) else SPOOL + "/bob"),
             b"", "the file, " + change.__name__)


@test()
def eves_own_start_gets_her_nothing_of_bobs(w):
    """Her set-group-ID lda, her arguments, her environment, her links in her
    own home, while bob's mailbox lies beside hers."""
    lda, victims = fresh(w, 0o2775)
    write(SPOOL + "/bob", b"")
    os.chown(SPOOL + "/bob", BOB, MAIL)
    os.chmod(SPOOL + "/bob", 0o660)
    before = Victims._facts(SPOOL + "/bob")
    os.mkdir("/home/eve/mail")
    os.chown("/home/eve/mail", EVE, EVE)
    for name, target in (("spool", SPOOL), ("inbox", SPOOL + "/bob"),
                         ("mail/box", SPOOL + "/bob"),
                         ("mail/dir", SPOOL), ("Maildir", SPOOL)):
        as_user(EVE, lambda n=name, t=target: os.symlink(
            t, "/home/eve/" + n))
    eve = {"USER": "eve", "HOME": "/home/eve"}
    hers = "mail_location=mbox:/home/eve/mail:INBOX="
    for args, env in (
            (["-m", "box"], eve), (["-m", "dir/bob"], eve),
            (["-o", hers + "/home/eve/inbox"], eve),
            (["-o", hers + "/home/eve/spool/bob"], eve),
            (["-o", hers + "/var/mail/bob"], eve),
            (["-o", hers + "/var/mail/eve/../bob"], eve),
            (["-o", hers + "/var/mail/bob.lock"], eve),
            (["-o", "mail_spool_directory=/home/eve/spool"], eve),
            (["-o", "mail_location=maildir:/var/mail"], eve),
            (["-o", "mail_temp_dir=/var/mail"], eve),
            (["-d", "bob"], eve), ([], {"USER": "bob", "HOME": "/home/eve"}),
            (["-p", "/var/mail/bob"], eve), ([], {**eve, "TZ": ":" + SPOOL}),
            ([], {**eve, "TMPDIR": SPOOL, "LD_PRELOAD": "/tmp/x.so",
                  "MALLOC_TOP_PAD_": "1", "LOCPATH": SPOOL, "IFS": "/",
                  "PATH": "/home/eve"}),
            (["-f", "x" * 60000], eve), (["-m", "x" * 60000], eve)):
        run = w.run(*args, user="eve", program=lda, env=env,
                    stdin=Letter(b"x\n" * 100000).octets)
        true(run.status in (0, 67, 75) or run.status < 0, "%s: %s" % (
            args, run))
        same(Victims._facts(SPOOL + "/bob"), before,
             "bob's mailbox after %s" % (args,))
        true(set(os.listdir(SPOOL)) <= {"alice", "bob", "eve"},
             "%s in the spool after %s" % (os.listdir(SPOOL), args))
    victims.unharmed("all that")
