"""spool.py - what the tests of the mail spool share: programs with the
spool's group, a Postfix service for each, an mbox as a reader sees it.
"""

import grp
import os
import re
import shutil
import signal
import stat
import subprocess

import world
from cases import Skip, same, true
from world import read, write

SPOOL = "/var/mail"
MAIL = grp.getgrnam("mail").gr_gid
CONF = "mydestination = mx.invalid\nmbox_lock_timeout = 2s\n"

# name, mailbox_command, more options of local(8).
SERVICES = [
    ("setgid", "/usr/local/sbin/lda-mail", ""),
    ("relay", "/usr/local/sbin/lda-relay-mail", ""),
    ("plain", "/usr/local/sbin/lda", ""),
    ("native", "", "-o mail_spool_directory=" + SPOOL),
]

FROM = re.compile(
    rb"From (\S+)  (Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d "
    rb"\d\d:\d\d:\d\d \d{4}\n")


def prepare(w, *users, mode=0o2775, conf=CONF):
    """An empty spool of this mode, homes without a Maildir, lda twice with
    the group and once without."""
    empty(SPOOL)
    os.chown(SPOOL, 0, MAIL)
    os.chmod(SPOOL, mode)
    write("/etc/lda.conf", conf)
    for user in users:
        w.fresh_home(user, maildir=False)
    for name, copy in (("lda", "lda-mail"), ("lda-relay", "lda-relay-mail")):
        path = "/usr/local/sbin/" + copy
        if not os.path.exists(path):
            shutil.copy("/usr/local/sbin/" + name, path)
            os.chown(path, 0, MAIL)
            os.chmod(path, 0o2755)
    return "/usr/local/sbin/lda-mail"


def empty(directory):
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def services(w):
    """Adds SERVICES to the private Postfix, once."""
    etc = w.postfix.etc
    master = read(os.path.join(etc, "master.cf")).decode()
    if "\nsetgid unix" in master:
        return
    main = read(os.path.join(etc, "main.cf")).decode()
    transport = read(os.path.join(etc, "transport")).decode()
    domains = ""
    for name, command, more in SERVICES:
        master += ("%s unix - n n - 10 local %s -o { mailbox_command = %s } "
                   "-o { mailbox_delivery_lock = fcntl, dotlock }\n"
                   % (name, more, command))
        main += "%s_destination_recipient_limit = 1\n" % name
        transport += "%s.invalid %s:\n" % (name, name)
        domains += " %s.invalid" % name
    main = re.sub(r"(?m)^(virtual_mailbox_domains = .*)$",
                  lambda found: found[1] + domains, main)
    write(os.path.join(etc, "master.cf"), master)
    write(os.path.join(etc, "main.cf"), main)
    write(os.path.join(etc, "transport"), transport)
    mark = w.sink.mark()
    done = w.postfix.command("/usr/sbin/postfix", "reload")
    same(done.returncode, 0, "postfix reload: " + done.stderr)
    true(w.sink.wait(lambda line: "reload" in line.text, mark, 10),
         "Postfix does not reload")


def tidy(*boxes):
    """Nothing in the spool but these mailboxes."""
    same(sorted(os.listdir(SPOOL)), sorted(boxes), "entries of the spool")


class Box:
    """An mbox, read by the rules of RFC 4155 and mboxrd."""

    def __init__(self, octets):
        self.mails = []
        self.senders = []
        lines = octets.splitlines(keepends=True) if b"\r" not in octets else [
            line + b"\n" for line in octets.split(b"\n")[:-1]]
        same(b"".join(lines), octets, "the last line ends")
        for line in lines:
            found = FROM.fullmatch(line)
            if found:
                self._ends()
                self.senders.append(found[1])
                self.mails.append(b"")
                continue
            true(not line.startswith(b"From "),
                 "a From_ line of another shape: %r" % line)
            true(self.mails, "no From_ line first: %r" % line)
            if re.match(rb">+From ", line):
                line = line[1:]
            self.mails[-1] += line
        self._ends()

    def _ends(self):
        if not self.mails:
            return
        true(self.mails[-1] == b"\n" or self.mails[-1].endswith(b"\n\n"),
             "no empty line at the end of %r" % self.mails[-1][-80:])
        self.mails[-1] = self.mails[-1][:-1]


def box(user, count=None, uid=None):
    path = os.path.join(SPOOL, user)
    entry = os.lstat(path)
    true(stat.S_ISREG(entry.st_mode), path + " is no file")
    if uid is not None:
        same((entry.st_uid, entry.st_mode & 0o777), (uid, 0o600),
             "owner and mode")
    found = Box(read(path))
    if count is not None:
        same(len(found.mails), count, "mails of " + user)
    return found


def no_box(user):
    true(not os.path.lexists(os.path.join(SPOOL, user)),
         "%s has a mailbox" % user)


class AsUser:
    """A child process that is an unprivileged user, with no groups; ended
    with the block."""

    def __init__(self, uid, function, gid=None):
        self.uid, self.function, self.gid = uid, function, gid or uid

    def __enter__(self):
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.setgroups([])
                os.setresgid(self.gid, self.gid, self.gid)
                os.setresuid(self.uid, self.uid, self.uid)
                status = self.function() or 0
            finally:
                os._exit(status)
        return self

    def status(self):
        pid, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def as_user(uid, function, gid=None):
    with AsUser(uid, function, gid) as child:
        return child.status()


CALL = re.compile(r"^(\d+) +(?:\[\w+\] )?(\w+)\((.*)$")


class Call:
    def __init__(self, pid, name, rest):
        self.pid, self.name, self.rest = pid, name, rest
        found = re.search(r'"((?:[^"\\]|\\.)*)"', rest)
        self.path = found[1] if found else None
        self.result = rest.rsplit(" = ", 1)[-1] if " = " in rest else None

    def __str__(self):
        return "%d %s(%s" % (self.pid, self.name, self.rest)


def strace(w, program, *args, user="bob", stdin=b"", env=None, options=(),
           seconds=30, uid=None):
    """Runs program under strace -f; (exit status, its output, the calls in
    order).  As root strace honours the set-group-ID bit (strace -u)."""
    if not os.access("/usr/bin/strace", os.X_OK):
        raise Skip("no /usr/bin/strace (package strace)")
    out = w.path("trace.%d" % os.getpid())
    command = ["/usr/bin/strace", "-f", "-y", "-s", "200", "-o", out]
    if user != "root":
        command += ["-u", user]
    environment = {"PATH": "/usr/bin:/bin", **(env or {})}
    try:
        done = subprocess.run([*command, *options, "--", program, *args],
                              input=stdin, capture_output=True,
                              env=environment, cwd="/", timeout=seconds)
    except subprocess.TimeoutExpired:
        raise AssertionError("it takes more than %d s" % seconds) from None
    calls, unfinished = [], {}
    for line in read(out).decode("utf-8", "replace").splitlines():
        pid = line.split(None, 1)[0]
        if line.endswith("<unfinished ...>"):
            unfinished[pid] = line[:-len("<unfinished ...>")]
        found = CALL.match(line.replace(" <unfinished ...>", ""))
        resumed = re.match(r"^\d+ +<\.\.\. (\w+) resumed>(.*)$", line)
        if found:
            calls.append(Call(int(found[1]), found[2], found[3]))
        elif resumed:
            # The call stands where it began; its result is added there.
            for call in reversed(calls):
                if call.pid == int(pid) and call.name == resumed[1]:
                    call.rest += resumed[2]
                    call.result = resumed[2].rsplit(" = ", 1)[-1]
                    break
    os.unlink(out)
    return done.returncode, done.stdout, calls
