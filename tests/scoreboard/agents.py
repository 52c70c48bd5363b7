"""agents.py - lda and its peers, each delivering to the same user, and what
Postfix makes of how it ends.

A command is started as local(8) starts a mailbox_command; its settings are
what its manual says for use with Postfix.  procmail has -t, which its manual
gives against bounces.  local(8) and virtual(8) get their mail from a private
Postfix; local(8) has require_home_directory, which waits for a home that is
not mounted.  Peers are used as programs only.
"""

import os
import re
import signal
import subprocess
import time

import postfix as private_postfix
import world

SENDER = "a@b.invalid"
UID = 5001      # bob, of tests/system/world.py
PLACE = "/srv/disk"
HOME = PLACE + "/bob"
SPOOL = "/var/mail"

# Longer than the programs wait for a lock by themselves; a sweep has less
# patience, because what has ended late is none of its cells.
SECONDS, SWEEP_SECONDS = 60, 10

STORES = ("maildir", "mbox")

# How Postfix takes what a command says and how it ends.
DEFERRED = (71, 75)
DIED = re.compile(r"^warning: process .* pid \d+ (exit status|killed by)")
DSN = re.compile(rb"([45])\.\d{1,3}\.\d{1,3}( |$)")


class Fate:
    """sent, deferred, bounced, or hung: no end in SECONDS."""

    def __init__(self, word, text):
        self.word = word
        self.text = text

    def __str__(self):
        return "%s (%s)" % (self.word, self.text)


def fate_of(status, said):
    text = "status %d, %r" % (status, said[-200:])
    if status == 0:
        return Fate("sent", text)
    if status < 0:
        return Fate("deferred", text)
    found = DSN.match(said)
    if found:
        return Fate("deferred" if found[1] == b"4" else "bounced", text)
    return Fate("deferred" if status in DEFERRED else "bounced", text)


class Command:
    """A program that is started for each message."""
    attached = False

    def __init__(self, name, version, argv, settings=None, spool=None):
        """argv: by store; spool: for a mailbox in the spool.  settings: its
        file, for those who have one, and what is a mistake in it."""
        self.name = name
        self.version = version
        self.argv = dict(argv, spool=spool or argv["mbox"])
        self.settings = settings

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "MAIL_CONFIG": "/etc/postfix",
                "USER": "bob", "LOGNAME": "bob", "HOME": HOME,
                "SHELL": "/bin/sh", "SENDER": SENDER,
                "RECIPIENT": "bob@mx.invalid", "USER_NAME": "bob"}

    def start(self, store, stdin=subprocess.PIPE, before=(), argv=None,
              **how):
        # strace has to be root for the sake of set-ID programs, and becomes
        # bob itself.
        if not before:
            how = {"user": UID, "group": UID, "extra_groups": [], **how}
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **how}
        return subprocess.Popen(
            [*before, *(argv or self.argv[store])], stdin=stdin, cwd="/",
            umask=0o077, env=self.environment(), start_new_session=True,
            restore_signals=False, **how)

    def deliver(self, store, octets, before=(), seconds=SECONDS, **how):
        process = self.start(store, before=before, **how)
        try:
            said, _ = process.communicate(
                octets if process.stdin else None, timeout=seconds)
            return fate_of(process.returncode, said or b"")
        except subprocess.TimeoutExpired:
            return Fate("hung", "no end in %d s" % seconds)
        finally:
            end(process)

    def warm_up(self, store):
        pass


def end(process):
    """Ends what is left of a command."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if process.poll() is None:
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            try:
                stream.close()
            except OSError:
                pass
    while True:
        try:
            os.waitpid(-process.pid, 0)
        except ChildProcessError:
            return


class Service:
    """local(8) or virtual(8): the mail goes through Postfix, and a process
    that is there already delivers it."""
    attached = True     # faults are injected into a running process

    def __init__(self, name, version, postfix, services, program):
        self.name = name
        self.version = version
        self.postfix = postfix
        self.services = services
        self.program = program
        self.settings = None

    def deliver(self, store, octets, **_):
        """Never "hung": Postfix has time limits of its own.  When the process
        has died, it keeps the mail without a word and tries again later."""
        self.postfix.forget()
        sink = self.postfix.world.sink
        mark = sink.mark()
        queue_id = self.postfix.send(
            SENDER, "bob@%s.invalid" % self.services[store], octets)

        def decided(line):
            return DIED.search(line.text) or (
                line.text.startswith(queue_id) and " status=" in line.text)
        line = sink.wait(decided, mark, SWEEP_SECONDS)
        if line is None or DIED.search(line.text):
            return Fate("deferred", "nothing was said")
        result = self.postfix.result(queue_id, since=mark)
        return Fate(result.status, str(result))

    def pid(self, store):
        """The process that serves this store, if there is one."""
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                words = world.read("/proc/%s/cmdline" % entry).split(b"\0")
            except OSError:
                continue
            if words[0].decode() == self.program and (
                    self.services[store].encode() in words):
                return int(entry)
        return None

    def warm_up(self, store):
        """Has a process running that has delivered something, so that what
        comes next is one delivery's calls and no others."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            pid = self.pid(store)
            if pid:
                return pid
            self.postfix.forget()
            sink = self.postfix.world.sink
            mark = sink.mark()
            queue_id = self.postfix.send(
                SENDER, "warm@%s.invalid" % self.services[store],
                b"a: b\n\nx\n")
            sink.wait(lambda line: line.text.startswith(queue_id)
                      and " status=" in line.text, mark, 5)
            # A second or so after one has died Postfix starts none.
            time.sleep(0.2)
        raise RuntimeError("%s does not start\n%s" % (
            self.name, "\n".join(line.raw for line in
                                 self.postfix.world.sink.lines[-12:])))


# service, program, options; of virtual(8), where mailboxes are and bob's.
SERVICES = [
    ("localmaildir", "local", "-o home_mailbox=Maildir/"),
    ("localmbox", "local", "-o home_mailbox=mbox"),
    ("localspool", "local", "-o mail_spool_directory=" + SPOOL),
    ("virtualmaildir", "virtual", (PLACE, "bob/Maildir/")),
    ("virtualmbox", "virtual", (PLACE, "bob/mbox")),
    ("virtualspool", "virtual", (SPOOL, "bob")),
]


class Postfix(private_postfix.Postfix):
    """The private one of the system tests, with these services."""

    def _configure(self):
        main = private_postfix.MAIN_CF.format(
            top=self.top, daemons=private_postfix.DAEMONS, lda="",
            domains=" ".join(row[0] + ".invalid" for row in SERVICES))
        # A process stays, so that faults can be injected into it.
        main += ("virtual_uid_maps = static:%d\nvirtual_gid_maps = static:%d\n"
                 "virtual_minimum_uid = 100\nrequire_home_directory = yes\n"
                 "max_use = 100000\n"
                 "virtual_mailbox_limit = 70000000\n" % (UID, UID))
        main = main.replace("max_idle = 30s", "max_idle = 1000s")
        master = private_postfix.MASTER_CF.format(port=self.port)
        for name, program, options in SERVICES:
            if program == "virtual":
                base, mailbox = options
                table = os.path.join(self.etc, "boxes-" + name)
                world.write(table, "bob@%s.invalid %s\nwarm@%s.invalid warm/\n"
                            % (name, mailbox, name))
                options = ("-o virtual_mailbox_base=%s -o "
                           "virtual_mailbox_maps=texthash:%s" % (base, table))
            master += "%s unix - n n - 1 %s %s\n" % (name, program, options)
        world.write(os.path.join(self.etc, "main.cf"), main)
        world.write(os.path.join(self.etc, "master.cf"), master)
        world.write(os.path.join(self.etc, "transport"), "".join(
            "%s.invalid %s:\n" % (row[0], row[0]) for row in SERVICES))
        world.write(os.path.join(self.etc, "aliases"), "")
        world.write(os.path.join(self.etc, "virtual"), "")


def output(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True).stdout


def first(pattern, text):
    found = re.search(pattern, text)
    return found[0] if found else "?"


def add_warm_user():
    """Another user than bob, whose mail starts a process of Postfix."""
    os.makedirs("/home/warm", exist_ok=True)
    os.chown("/home/warm", 5099, 5099)
    text = world.read("/etc/passwd").decode()
    text = text.replace(":/home/bob:", ":%s:" % HOME)
    world.write("/etc/passwd", text + "warm:x:5099:5099::/home/warm:/bin/sh\n")


def lda(w):
    world.write("/etc/lda.conf", "mydestination = mx.invalid localhost\n"
                "mbox_lock_timeout = 5s\n")
    base = ["/usr/local/sbin/lda"]
    maildir = [*base, "-o", "mail_location=maildir:~/Maildir"]
    return Command(
        "lda", first(r"[\d.]+\S*", output(*base, "-V")),
        {"maildir": maildir,
         "mbox": [*base, "-o", "mail_location=mbox:~/mail:INBOX=~/mbox"]},
        ("/etc/lda.conf", "mail_locatoin = nowhere\n"),
        spool=["/usr/local/sbin/lda-mail"])


def dovecot_lda(w):
    program = "/usr/lib/dovecot/dovecot-lda"
    if not os.access(program, os.X_OK):
        return None
    top = w.path("dovecot")
    os.makedirs(top + "/base", exist_ok=True)
    conf = top + "/lda.conf"
    # The locks are its defaults but the dotlock, which it would need a group
    # for in the spool.
    world.write(conf, "base_dir = %s/base\nlog_path = syslog\nssl = no\n"
                "first_valid_uid = 100\nlock_method = fcntl\n"
                "mbox_write_locks = fcntl\n" % top)
    base = [program, "-c", conf, "-f", SENDER, "-a", "bob@mx.invalid"]
    return Command(
        "dovecot-lda", first(r"[\d.]+", output("/usr/sbin/dovecot",
                                               "--version")),
        {"maildir": [*base, "-o", "mail_location=maildir:~/Maildir"],
         "mbox": [*base, "-o", "mail_location=mbox:~/mail:INBOX=~/mbox"]},
        (conf, "mail_locatoin = nowhere\n"),
        spool=[*base, "-o", "mail_location=mbox:~/mail:INBOX=%s/bob" % SPOOL])


def maildrop(w):
    program = "/usr/bin/maildrop"
    if not os.access(program, os.X_OK):
        return None
    # Rules that the user has written; with -d it is his mailbox in the spool.
    for store, target in (("maildir", "$HOME/Maildir"),
                          ("mbox", "$HOME/mbox")):
        path = "/etc/maildrop-" + store
        world.write(path, 'to "%s"\n' % target)
        os.chown(path, UID, UID)
        os.chmod(path, 0o600)
    world.write("/etc/maildroprc", "")
    return Command(
        "maildrop", first(r"\d[\d.]+", output(program, "-v")),
        {store: [program, "/etc/maildrop-" + store] for store in STORES},
        ("/etc/maildroprc", 'if (/^x\n'),
        spool=[program, "-d", "bob"])


def procmail(w):
    program = "/usr/bin/procmail"
    if not os.access(program, os.X_OK):
        return None
    base = [program, "-t", "-f", SENDER]
    return Command(
        "procmail", first(r"\d[\w.]+", output(program, "-v")),
        {"maildir": [*base, "DEFAULT=%s/Maildir/" % HOME],
         "mbox": [*base, "DEFAULT=%s/mbox" % HOME]}, spool=base)


def services(w, postfix):
    version = output("/usr/sbin/postconf", "-h", "mail_version").strip()
    return [Service(program + "(8)", version, postfix,
                    {store: program + store
                     for store in (*STORES, "spool")}, program)
            for program in ("local", "virtual")]


def all_of(w, postfix):
    """Those that are installed, and the names of the others."""
    found, missing = [], []
    for make in (lda, dovecot_lda, maildrop, procmail):
        agent = make(w)
        if agent:
            found.append(agent)
        else:
            missing.append(make.__name__.replace("_", "-"))
    if postfix:
        found += services(w, postfix)
    else:
        missing += ["local(8)", "virtual(8)"]
    return found, missing
