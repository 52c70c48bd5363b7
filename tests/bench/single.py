"""single.py - one delivery after the other: the programs by turns, as Postfix
starts them (feed.c)."""

import os
import subprocess

import world
from stage import LIMIT, UID, exists

FEED = ("median", "p99", "least", "cpu", "faults")
DOVECOT_LDA = "/usr/lib/dovecot/deliver"
SENDER = "alice@example.org"
QUOTA = "*:bytes=1000000000"
PATH = "PATH=/usr/bin:/bin"

# Who needs longer for one is not measured many times.
PATIENCE_SECONDS = 0.25
PATIENCE_SECONDS_PER_MB = 0.02


class Subject:
    """One command and the mailbox that it fills."""

    def __init__(self, name, argv, home, env=(), box="Maildir/new",
                 quota=False):
        self.name = name
        self.argv = argv
        self.home = home
        self.env = [PATH, "MAIL_CONFIG=/etc/postfix", *env]
        self.mbox = os.path.join(home, box) if "mbox" in box else None
        self.new = None if self.mbox else os.path.join(home, box)
        self.size = os.path.join(home, "Maildir/maildirsize")
        self.quota = quota
        self.without = None
        self.keeps = False      # what is delivered stays
        self.group = None       # of a set-group-ID copy

    def plan(self, tidy=True):
        lines = ["subject " + self.name]
        lines += ["arg " + word for word in self.argv]
        lines += ["env " + word for word in self.env]
        if tidy and self.mbox:
            lines.append("cut %s %d" % (self.mbox, os.path.getsize(
                self.mbox) if os.path.exists(self.mbox) else 0))
        if tidy and self.new and not self.keeps:
            lines.append("empty " + self.new)
        if tidy and self.without:
            lines.append("without " + self.without)
        elif tidy and os.path.exists(self.size):
            lines.append("cut %s %d" % (
                self.size, os.path.getsize(self.size)))
        return "\n".join(lines) + "\n"

    def begin(self):
        if self.quota:
            world.write(self.size, LIMIT + "\n0 0\n", 0o600)
            os.chown(self.size, UID, UID)

    def octets(self):
        """What its mailbox holds."""
        if self.mbox:
            return os.path.getsize(self.mbox) if os.path.exists(
                self.mbox) else 0
        return sum(entry.stat().st_size for entry in os.scandir(self.new)) \
            if os.path.isdir(self.new) else 0


def feed(stage, subjects, message, *flags, tidy=True):
    """Runs feed; a list of the words of each line, one a subject."""
    plan = stage.path("plan")
    world.write(plan, "".join(one.plan(tidy) for one in subjects))
    done = subprocess.run(
        [stage.path("feed"), "-u", "%d:%d" % (UID, UID), *flags, plan,
         message], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("feed: " + done.stderr)
    return [line.split() for line in done.stdout.splitlines()]


def last_words(stage, one, message):
    """What it says when it fails, or has written to the log."""
    mark = stage.world.sink.mark()
    with open(message, "rb") as f:
        done = subprocess.run(
            one.argv, stdin=f, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, user=UID, group=UID, extra_groups=[],
            cwd="/", env=dict(word.split("=", 1) for word in one.env))
    said = [done.stdout.decode("utf-8", "replace").strip()]
    said += [line.text for line in stage.world.sink.since(mark)]
    return "status %d, %s" % (done.returncode, " | ".join(said))


def those_that_deliver(stage, subjects, message):
    """Each delivers once; whoever does not is skipped by name."""
    good = []
    stage.settle()
    for one in subjects:
        one.begin()
        before = one.octets()
        row = feed(stage, [one], message, "-w", "0", "-n", "1", tidy=False)[0]
        seconds = float(row[3]) / 1e6
        if row[2] != "0":
            why = "it fails: " + last_words(stage, one, message)
        elif one.octets() - before < os.path.getsize(message):
            why = "there is no mail"
        elif seconds > PATIENCE_SECONDS + (
                os.path.getsize(message) >> 20) * PATIENCE_SECONDS_PER_MB:
            why = "it takes %.1f s" % seconds
        else:
            good.append(one)
            continue
        stage.results.note("skipped: %s: %s" % (one.name, why))
    return good


def measure(stage, subjects, message, rounds):
    """Times and costs of each subject by name."""
    subjects = those_that_deliver(stage, subjects, message)
    found = {}
    for row in feed(stage, subjects, message, "-n", str(rounds)):
        found[row[0]] = dict(zip(FEED, map(float, row[3:])), failures=row[2])
    big = os.path.getsize(message) > 4 << 20
    for row in feed(stage, subjects, message, "-e" if big else "-t"):
        if row[1] != "0":
            stage.results.note("watched, %s fails: its costs are not those "
                               "of a delivery" % row[0])
        found[row[0]].update(zip(
            ("calls", "syncs", "written", "peak", "processes"),
            map(int, row[2:])))
    return found


def quotient(found, name, base, key="median"):
    """One subject's figure by another's; None where one was not measured."""
    if name not in found or not found.get(base, {}).get(key):
        return None
    return found[name][key] / found[base][key]


def judge_size(stage, octets, found):
    """The targets for one size of message into a Maildir on tmpfs."""
    def judge(what, reached, target, at_least=True):
        stage.results.verdict("%s, %s" % (named(octets), what), reached,
                              target, at_least=at_least)
    stage.results.note("")
    if octets == 4 << 10:
        judge("lda to floor-work", quotient(found, "lda", "floor-work"),
              1.15, False)
        for peer, target in (("dovecot-lda", 20), ("maildrop", 5),
                             ("procmail", 3)):
            judge("%s to lda" % peer, quotient(found, peer, "lda"), target)
    if octets == 25 << 20:
        judge("lda to floor", quotient(found, "lda", "floor"), 1.2, False)
    judge("memory of lda in MiB", found["lda"]["peak"] / 1024
          if "lda" in found else None, 4, False)


def judge_syncs(stage, title, found):
    """As many sync calls as the floor makes: the file, the directory."""
    stage.results.note("")
    stage.results.verdict("%s, sync calls of lda to the floor's" % title,
                          quotient(found, "lda", "floor", "syncs"), 1,
                          at_least=False)


def ratio(value, base):
    return "%.2f" % (value / base) if base else "-"


def show(stage, title, found, octets, base="floor", work="floor-work"):
    heads = ["program", "ms", "p99", "x floor", "x work", "cpu ms", "calls",
             "syncs", "written", "peak KiB"]
    rows = []
    for name, got in found.items():
        rows.append([
            name, "%.3f" % (got["median"] / 1000),
            "%.3f" % (got["p99"] / 1000),
            ratio(got["median"], found.get(base, {}).get("median")),
            ratio(got["median"], found.get(work, {}).get("median")),
            "%.3f" % (got["cpu"] / 1000), got["calls"] or "-",
            got["syncs"] if got["calls"] else "-",
            "%.2f" % (got["written"] / octets), got["peak"]])
        if got["failures"] != "0":
            rows[-1][0] += " (%s failed)" % got["failures"]
    stage.results.table(title, heads, rows)


# The programs.

def floor(stage, home, *, box="Maildir", name="floor"):
    kind = "mbox" if "mbox" in box else "maildir"
    return Subject(name, [stage.path("floor"), kind,
                          os.path.join(home, box)], home,
                   box=box if kind == "mbox" else box + "/new")


def settings(stage, name, *lines):
    """An lda.conf; without lines about it the users are those of all."""
    lines = list(lines)
    if not any(line.startswith("userdb") for line in lines):
        lines.insert(0, "userdb = passwd-file:" + stage.users)
    path = stage.path(name + ".conf")
    world.write(path, "\n".join(
        lines + ["syslog_socket = " + stage.log]) + "\n")
    return path


def floor_work(stage, home, user):
    conf = settings(stage, "floor-work", "mail_location = maildir:~/Maildir",
                    "quota_rule = " + QUOTA)
    return Subject("floor-work", [stage.path("floor-work"), conf, user],
                   home, quota=True)


def lda(stage, home, user, *lines, name="lda", flags=(), box="Maildir/new",
        quota=True, program=None):
    if not any(line.startswith("mail_location") for line in lines):
        lines += ("mail_location = maildir:~/Maildir",)
    if quota:
        lines += ("quota_rule = " + QUOTA,)
    conf = settings(stage, name, *lines)
    return Subject(name, [program or stage.lda, "-c", conf, "-f", SENDER,
                          "-a", user, "-d", user, *flags],
                   home, box=box, quota=quota)


def dovecot_lda(stage, home, user, *options, name="dovecot-lda", flags=(),
                box="Maildir/new"):
    conf = stage.start_dovecot()
    argv = [DOVECOT_LDA, "-c", conf or "", "-f", SENDER, "-a", user, "-d",
            user, *flags]
    for option in options:
        argv += ["-o", option]
    return Subject(name, argv, home, env=["HOME=" + home], box=box)


def maildrop(stage, home, to, box, quota=False):
    rules = os.path.join(home, "mailfilter")
    world.write(rules, ('MAILDIRQUOTA="%s"\n' % LIMIT if quota else "")
                + 'to "%s"\n' % to, 0o600)
    os.chown(rules, UID, UID)
    return Subject("maildrop" + ("+quota" if quota else ""),
                   ["/usr/bin/maildrop", rules], home,
                   env=["HOME=" + home, "LOGNAME=vmail"], box=box)


def procmail(stage, home, to, box):
    return Subject("procmail", ["/usr/bin/procmail", "-t", "-f", SENDER,
                                "DEFAULT=" + to, "/dev/null"], home,
                   env=["HOME=" + home, "LOGNAME=vmail"], box=box)


def peers(stage, place):
    """All who deliver into a Maildir, as far as they are installed."""
    def home(name):
        return place.home(name)

    def known(name):
        return home(name), stage.add_user(name, os.path.join(
            place.path, name))
    quota = ("plugin/quota=maildir:User", "plugin/quota_rule=" + QUOTA)
    made = []
    if exists(DOVECOT_LDA):
        made.append(dovecot_lda(stage, *known("dovecot")))
        made.append(dovecot_lda(
            stage, *known("dovecot-quota"), "mail_plugins=quota", *quota,
            name="dovecot-lda+quota"))
        where, user = known("dovecot-sieve")
        script = os.path.join(where, ".dovecot.sieve")
        world.write(script, 'if header :contains "Subject" "no such" '
                    '{ discard; }\n')
        os.chown(script, UID, UID)
        if os.path.exists("/usr/lib/dovecot/modules/lib90_sieve_plugin.so"):
            made.append(dovecot_lda(
                stage, where, user, "mail_plugins=quota sieve", *quota,
                name="dovecot-lda+sieve"))
        else:
            missing(stage, "dovecot-lda+sieve")
    else:
        missing(stage, "dovecot-lda")
    where = home("maildrop")
    others = [maildrop(stage, where, where + "/Maildir", "Maildir/new")]
    where = home("maildrop-quota")
    others.append(maildrop(stage, where, where + "/Maildir", "Maildir/new",
                           quota=True))
    where = home("procmail")
    others.append(procmail(stage, where, where + "/Maildir/", "Maildir/new"))
    where = home("mdeliver")
    others.append(Subject("mdeliver", ["/usr/bin/mdeliver",
                                       where + "/Maildir"], where))
    where = home("safecat")
    others.append(Subject("safecat", [
        "/usr/bin/safecat", where + "/Maildir/tmp", where + "/Maildir/new"],
        where))
    where = home("putmail")
    others.append(Subject("putmail", [
        "/usr/bin/putmail", "--from=" + SENDER, "maildir://" + where
        + "/Maildir"], where, env=["HOME=" + where]))
    for one in others:
        if exists(one.argv[0]):
            made.append(one)
        else:
            missing(stage, one.name)
    return made


def missing(stage, name):
    stage.results.note("skipped: %s is not installed" % name)


def ours(stage, place):
    """The floors, and lda."""
    made = [floor(stage, place.home("floor"))]
    for make in (floor_work, lda):
        name = make.__name__
        home = place.home(name)
        made.append(make(stage, home, stage.add_user(name, home)))
    return made


# The parts.

def named(octets):
    return "%d KB" % (octets >> 10) if octets < 1 << 20 else "%d MB" % (
        octets >> 20)


def sizes(stage):
    curves = {}
    for octets, quick, deep in ((4 << 10, 150, 1000), (64 << 10, 50, 400),
                                (1 << 20, 20, 150), (25 << 20, 9, 60)):
        stage.forget_users()
        stage.memory.clear()
        subjects = ours(stage, stage.memory) + peers(stage, stage.memory)
        found = measure(stage, subjects, stage.message(octets),
                        deep if stage.deep else quick)
        show(stage, "%s into a Maildir on tmpfs" % named(octets), found,
             octets)
        judge_size(stage, octets, found)
        for name, got in found.items():
            curves.setdefault(name, []).append(
                (octets, got["median"] / 1000))
    stage.results.draw(
        "sizes", title="One delivery into a Maildir on tmpfs",
        x="octets of the message", y="milliseconds (median)", curves=curves)


def disk(stage):
    for octets, quick, deep in ((4 << 10, 40, 300), (1 << 20, 15, 100)):
        stage.forget_users()
        stage.disk.clear()
        subjects = ours(stage, stage.disk) + peers(stage, stage.disk)
        found = measure(stage, subjects, stage.message(octets),
                        deep if stage.deep else quick)
        show(stage, "%s into a Maildir on the disk" % named(octets), found,
             octets)
        judge_syncs(stage, "%s on the disk" % named(octets), found)
    stage.disk.clear()
    found = measure(stage, mboxes(stage, stage.disk), stage.message(4 << 10),
                    300 if stage.deep else 40)
    show(stage, "4 KB into an mbox on the disk", found, 4 << 10)
    stage.disk.clear()


def mboxes(stage, place):
    stage.forget_users()
    made = [floor(stage, place.home("floor"), box="mbox")]
    home = place.home("lda")
    made.append(lda(stage, home, stage.add_user("lda", home),
                    "mail_location = mbox:~/mail:INBOX=~/mbox",
                    quota=False, box="mbox"))
    if exists(DOVECOT_LDA):
        home = place.home("dovecot")
        made.append(dovecot_lda(
            stage, home, stage.add_user("dovecot", home),
            "mail_location=mbox:~/mail:INBOX=~/mbox", box="mbox"))
    home = place.home("maildrop")
    if exists("/usr/bin/maildrop"):
        made.append(maildrop(stage, home, home + "/mbox", "mbox"))
    home = place.home("procmail")
    if exists("/usr/bin/procmail"):
        made.append(procmail(stage, home, home + "/mbox", "mbox"))
    home = place.home("putmail")
    if exists("/usr/bin/putmail"):
        made.append(Subject("putmail", [
            "/usr/bin/putmail", "--from=" + SENDER,
            "mbox://" + home + "/mbox"], home, env=["HOME=" + home],
            box="mbox"))
    return made


def folders(stage, place):
    stage.forget_users()
    made = []
    for name in ("floor", "lda", "dovecot"):
        home = place.home(name)
        world.make_maildir(os.path.join(home, "Maildir/.work"), UID)
        user = stage.add_user(name, home)
        if name == "floor":
            made.append(floor(stage, home, box="Maildir/.work"))
        elif name == "lda":
            made.append(lda(stage, home, user, flags=("-m", "work"),
                            box="Maildir/.work/new"))
        elif exists(DOVECOT_LDA):
            made.append(dovecot_lda(stage, home, user, flags=("-m", "work"),
                                    box="Maildir/.work/new"))
    return made


def quotas(stage, place):
    """Without a quota, with one, and with one whose count is missing."""
    stage.forget_users()
    made = ours(stage, place)
    home = place.home("none")
    made.append(lda(stage, home, stage.add_user("none", home),
                    name="lda-without-quota", quota=False))
    home = place.home("counts")
    counts = lda(stage, home, stage.add_user("counts", home),
                 name="lda-counts-10000")
    counts.without = counts.size
    counts.keeps = True
    fill(os.path.join(home, "Maildir/cur"), 10000)
    made.append(counts)
    return made


def fill(directory, count):
    """Empty files with the names of mails."""
    for i in range(count):
        path = os.path.join(directory,
                            "17000%05d.M1P1Q%d.mx,S=0,W=0:2,S" % (i, i))
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        os.chown(path, UID, UID)


def starts(stage, place):
    """The spool: who may write there himself, and with the group's help."""
    stage.forget_users()
    made = []
    spool = os.path.join(place.path, "spool")
    helper = stage.path("lda-setgid")
    world.write(helper, world.read(stage.lda))
    os.chown(helper, 0, 8)
    os.chmod(helper, 0o2755)
    world.write("/etc/lda.conf", "syslog_socket = %s\n" % stage.log)
    environment = ["USER=vmail", "HOME=/srv/mail", "LOGNAME=vmail",
                   "SENDER=" + SENDER]
    os.makedirs(spool, exist_ok=True)
    os.chown(spool, UID, UID)
    one = Subject("lda-own-directory", [
        stage.lda, "-o", "mail_location=mbox:~/mail:INBOX=%s/vmail" % spool],
        spool, env=environment, box="vmail-mbox")
    one.mbox = spool + "/vmail"
    made.append(one)
    two = Subject("lda-setgid", [helper], "/var/mail", env=environment,
                  box="vmail-mbox")
    two.mbox = "/var/mail/vmail"
    made.append(two)
    made.insert(0, floor(stage, place.home("floor"), box="mbox"))
    return made


def kinds(stage):
    rounds = 600 if stage.deep else 100
    message = stage.message(4 << 10)
    for title, make in (("an mbox", mboxes), ("a folder of a Maildir",
                                              folders),
                        ("a Maildir, by quota", quotas),
                        ("an mbox of the spool, by the start", starts)):
        stage.memory.clear()
        show(stage, "4 KB into %s on tmpfs" % title,
             measure(stage, make(stage, stage.memory), message, rounds),
             4 << 10)
    world.write("/etc/lda.conf", world.LDA_CONF)
