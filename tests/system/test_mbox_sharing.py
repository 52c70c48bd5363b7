"""test_mbox_sharing.py - one mbox that lda shares with the programs that lock
it for real: Postfix local(8), procmail, mutt_dotlock, and Dovecot, which
reads and expunges all the while.

Every message has a number and a sum of its body.  In the end each number is
there once: in the mailbox, or among what the reader has fetched and expunged.
"""

import fcntl
import hashlib
import os
import random
import re
import subprocess
import threading
import time
import zlib

import dovecot
import spool
from cases import Skip, same, test, true
from spool import MAIL, SPOOL, AsUser, Box, prepare
from world import read, write

USER, UID = "dave", 5006
BOX = SPOOL + "/" + USER
PROCMAIL, DOTLOCK = "/usr/bin/procmail", "/usr/bin/mutt_dotlock"

# Who writes: name, processes at once, messages of each.
LDA, LDA_EACH = 6, 200
PROCMAIL_AT_ONCE, PROCMAIL_EACH = 8, 20
MUTT, MUTT_EACH = 5, 28
POSTFIX, POSTFIX_SETGID = 250, 250

ID = re.compile(rb"(?m)^X-Id: (\S+)$")
SUM = re.compile(rb"(?m)^X-Sum: (\S+)$")


def message(name):
    """Some long, some short, with lines that have to be quoted."""
    lines = 3 + zlib.crc32(name.encode()) % 40
    body = b"".join(b"From %s, line %d of %d\n>From here\n"
                    % (name.encode(), i, lines) for i in range(lines))
    return (b"Subject: %s\nX-Id: %s\nX-Sum: %s\n\n%s" % (
        name.encode(), name.encode(),
        hashlib.md5(plain(body)).hexdigest().encode(), body))


def plain(body):
    """Without what quoting, of either kind, may have added or a reader left:
    programs differ in that."""
    return re.sub(rb"(?m)^>+From ", b"From ", body).strip(b"\n")


def check_whole(octets):
    """The number of a message that is whole."""
    found, wanted = ID.findall(octets), SUM.findall(octets)
    same((len(found), len(wanted)), (1, 1), "messages in one: %r"
         % octets[:300])
    head, _, body = octets.partition(b"\n\n")
    same(hashlib.md5(plain(body)).hexdigest().encode(), wanted[0],
         "sum of %s, %d octets" % (found[0].decode(), len(body)))
    return found[0].decode()


class Writers:
    def __init__(self):
        self.sent, self.wrong, self.threads = [], [], []

    def begin(self, function, *args):
        def run():
            try:
                function(*args)
            except Exception as why:        # shown by the test
                self.wrong.append("%s: %s" % (function.__name__, why))
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.threads.append(thread)

    def program(self, command, name, env):
        """One message, again and again until the program has taken it, as
        Postfix would."""
        for _ in range(20):
            done = subprocess.run(
                command, input=message(name), capture_output=True, cwd="/",
                user=UID, group=UID, extra_groups=[], env=env, umask=0o077)
            if done.returncode == 0:
                self.sent.append(name)
                return
            true(done.returncode == 75, "%s: status %d, %r %r" % (
                command, done.returncode, done.stdout, done.stderr))
        raise AssertionError("%s never gets the lock: %r" % (
            command[0], done.stdout))

    def programs(self, command, kind, number, count, env):
        for i in range(count):
            self.program(command, "%s.%d.%d" % (kind, number, i), env)
            # Who polls for a lock has to find it free now and then.
            time.sleep(0.03)

    def postfix(self, w, service, count):
        for i in range(count):
            name = "%s.%d" % (service, i)
            w.postfix.send("x@y.invalid", "%s@%s.invalid" % (USER, service),
                           message(name))
            self.sent.append(name)

    def end(self, seconds):
        until = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0, until - time.monotonic()))
            true(not thread.is_alive(), "a writer does not come to its end")
        same(self.wrong, [], "what went wrong with writers")


def mutt_writer(number):
    """In a process that is the user: as mutt, the kernel's lock and then its
    set-group-ID helper's."""
    for i in range(MUTT_EACH):
        name = "mutt.%d.%d" % (number, i)
        text = (b"From mutt@y.invalid  Thu Jan  1 00:00:00 1970\n"
                + re.sub(rb"(?m)^(>*From )", rb">\1", message(name)) + b"\n")
        for _ in range(2000):
            time.sleep(random.random() / 20)
            with open(BOX, "ab") as f:
                try:
                    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue
                if os.fstat(f.fileno()).st_ino != os.stat(BOX).st_ino:
                    continue
                if subprocess.run([DOTLOCK, "-p", "-r", "0", BOX],
                                  capture_output=True).returncode != 0:
                    continue
                f.write(text)
                f.flush()
                os.fsync(f.fileno())
                if subprocess.run([DOTLOCK, "-p", "-u", BOX],
                                  capture_output=True).returncode != 0:
                    return 4
                break
        else:
            return 3
    return 0


class Reader:
    """Over IMAP: fetches what is there, expunges it, remembers it."""

    def __init__(self, w):
        self.w = w
        self.taken, self.wrong = [], []
        self.rounds = 0
        self.enough = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.enough.is_set():
                self._round()
                self.rounds += 1
                self.enough.wait(0.3)
        except Exception as why:            # shown by the test
            self.wrong.append(repr(why))

    def _round(self):
        imap = self.w.dovecot.login(USER)
        try:
            word, answer = imap.select("INBOX")
            same(word, "OK", "SELECT: %s" % answer)
            fetched = {}
            word, answer = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
            same(word, "OK", "FETCH: %s" % answer)
            for part in answer:
                if not isinstance(part, tuple):
                    continue
                uid = re.search(rb"UID (\d+)", part[0])[1].decode()
                fetched[uid] = check_whole(part[1].replace(b"\r\n", b"\n"))
                if len(fetched) == 100:
                    break
            if not fetched:
                return
            word, _ = imap.uid("STORE", ",".join(fetched), "+FLAGS",
                               r"(\Deleted)")
            same(word, "OK", "STORE")
            word, answer = imap.expunge()
            same(word, "OK", "EXPUNGE: %s" % answer)
            _, answer = imap.uid("SEARCH", "ALL")
            left = set((answer[0] or b"").decode().split())
            self.taken += [name for uid, name in fetched.items()
                           if uid not in left]
            # What Dovecot leaves now and then it expunges in another round.
        finally:
            try:
                imap.logout()
            except Exception:               # the connection is gone anyway
                pass

    def stop(self):
        self.enough.set()
        self.thread.join(60)
        true(not self.thread.is_alive(), "the reader does not come back")
        same(self.wrong, [], "what went wrong with the reader; the mailbox "
             "begins %r" % read(BOX)[:200])


def readable_by_imap(w):
    path = "/etc/lda/readers"
    lines = [line for line in read(path).decode().splitlines()
             if not line.startswith(USER + ":")]
    lines.append(
        "%s:{PLAIN}%s:%d:%d::/home/%s::userdb_mail=mbox:~/mail:INBOX=%s"
        " userdb_mail_privileged_group=mail" % (
            USER, dovecot.PASSWORD, UID, UID, USER, BOX))
    write(path, "\n".join(lines) + "\n")
    # Debian's default is the other way round, and waits: a deadlock of its
    # own with procmail, which waits as well.
    conf = read(w.dovecot.conf).decode()
    if "mbox_write_locks" not in conf:
        write(w.dovecot.conf, conf + "mbox_write_locks = dotlock fcntl\n")
        mark = w.sink.mark()
        done = subprocess.run(
            ["/usr/bin/doveadm", "-c", w.dovecot.conf, "reload"],
            stdin=subprocess.DEVNULL, capture_output=True)
        same(done.returncode, 0, "doveadm reload: %r" % done.stderr)
        true(w.sink.wait(lambda line: "SIGHUP" in line.text, mark, 10),
             "Dovecot does not reload")


def all_there(writers, reader):
    """Each message once, and whole."""
    left = [check_whole(octets) for octets in Box(read(BOX)).mails
            if b"DON'T DELETE THIS MESSAGE" not in octets]
    there = sorted(left + reader.taken)
    twice = sorted({name for name in there if there.count(name) > 1})
    same(twice, [], "messages that are there more than once")
    same(sorted(set(writers.sent) - set(there)), [], "lost messages")
    same(sorted(set(there) - set(writers.sent)), [], "messages of nobody")


@test("postfix", "dovecot")
def all_programs_at_once_lose_double_and_tear_nothing(w):
    for program in (PROCMAIL, DOTLOCK):
        if not os.access(program, os.X_OK):
            raise Skip("no " + program)
    lda = prepare(w, USER, conf="mydestination = mx.invalid\n"
                  "mbox_lock_timeout = 30s\n")
    spool.services(w)
    readable_by_imap(w)
    # Debian's procmail waits eight seconds otherwise.
    write("/etc/procmailrc", "LOCKSLEEP=1\n")
    write(BOX, b"")
    os.chown(BOX, UID, MAIL)
    os.chmod(BOX, 0o660)
    env = {"USER": USER, "LOGNAME": USER, "HOME": "/home/" + USER,
           "PATH": "/usr/bin:/bin"}
    writers, mutts = Writers(), []
    reader = Reader(w)
    try:
        for i in range(MUTT):
            mutts.append(AsUser(UID, lambda n=i: mutt_writer(n)).__enter__())
        for service, count in (("native", POSTFIX),
                               ("setgid", POSTFIX_SETGID)):
            writers.begin(writers.postfix, w, service, count)
        for i in range(PROCMAIL_AT_ONCE):
            writers.begin(writers.programs, [PROCMAIL, "-t", "-f", "-"],
                          "procmail", i, PROCMAIL_EACH, env)
        for i in range(LDA):
            writers.begin(writers.programs, [lda], "lda", i, LDA_EACH, env)
        writers.end(300)
        for i, mutt in enumerate(mutts):
            same(mutt.status(), 0, "the writer that locks as mutt")
            writers.sent += ["mutt.%d.%d" % (i, n) for n in range(MUTT_EACH)]
        delivered_by_postfix(w, 20)
    finally:
        for mutt in mutts:
            mutt.__exit__()
        reader.stop()
        os.unlink("/etc/procmailrc")
    same(len(writers.sent), LDA * LDA_EACH + PROCMAIL_AT_ONCE * PROCMAIL_EACH
         + MUTT * MUTT_EACH + POSTFIX + POSTFIX_SETGID, "messages sent")
    true(reader.rounds > 3 and len(reader.taken) > 100,
         "the reader has taken %d in %d rounds" % (
             len(reader.taken), reader.rounds))
    all_there(writers, reader)
    spool.tidy(USER)


def delivered_by_postfix(w, seconds):
    """Until the queue is empty; what was deferred for a lock is flushed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done = w.postfix.command("/usr/sbin/postqueue", "-j")
        if done.stdout.strip() == "":
            return
        w.postfix.command("/usr/sbin/postqueue", "-f")
        time.sleep(0.3)
    raise AssertionError("Postfix still has mail: " + done.stdout[-500:])
