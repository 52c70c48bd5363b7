"""test_feeder.py - Postfix is killed while it feeds: pipe(8) and local(8) in
the middle of a message, cleanup, smtpd, qmgr, and master itself.

Not part of make check-system: tests/proof/part_feeder names it.  Every mail
has a number and a sum of its body; a client sends it again until it was
accepted.  In the end each number that was accepted is there, and every mail
that is there is whole: one that was cut short because its feeder died would
not be.  LDA_FEEDER=2000 sends so many.
"""

import collections
import hashlib
import os
import random
import re
import signal
import smtplib
import threading
import time

import world
from cases import same, test, true
from world import debris, mails, read

MAILS = int(os.environ.get("LDA_FEEDER", "500"))
CLIENTS = 3
KILLS = 120
MASTER_KILLS = 3

# Services of postfix.py: pipe(8) as vmail, local(8) with and without a shell.
VIRTUAL = ["alice@drhu.invalid", "alice@dorx.invalid", "alice@from.invalid",
           "alice@ext.invalid"]
LOCAL = ["bob@noarg.invalid", "bob@shell.invalid"]

ID = re.compile(rb"(?m)^X-Id: (\S+)$")
SUM = re.compile(rb"(?m)^X-Sum: (\S+)$")

# How often each is chosen.  Feeders while they feed are looked for first.
VICTIMS = ["cleanup", "cleanup", "smtpd", "qmgr", "pipe", "local"]


def message(name):
    """Some fit into the pipe, most do not."""
    line = ("%s is what this line is about\n" % name).encode()
    body = line * random.Random(name).choice([10, 3000, 12000, 30000])
    return b"Subject: %s\nX-Id: %s\nX-Sum: %s\n\n%s" % (
        name.encode(), name.encode(), hashlib.md5(body).hexdigest().encode(),
        body)


def parent_and_name(pid):
    """From /proc; (0, "") for one that has gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            text = f.read()
    except OSError:
        return 0, ""
    name = text[text.index("(") + 1:text.rindex(")")]
    return int(text[text.rindex(")") + 1:].split()[1]), name


class Postmortem:
    """Kills processes of our Postfix, and starts it again."""

    def __init__(self, w):
        self.postfix = w.postfix
        self.done = collections.Counter()
        self.ended = threading.Event()
        self.trouble = None

    def master(self):
        try:
            return int(read(os.path.join(
                self.postfix.top, "spool/pid/master.pid")).strip())
        except (OSError, ValueError):
            return 0

    def processes(self):
        """pid: name, of master's children; and those of them that feed."""
        master, found, feeding = self.master(), {}, []
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                parents[int(entry)] = parent_and_name(int(entry))
        for pid, (parent, name) in parents.items():
            if master and parent == master:
                found[pid] = name
        for pid, (parent, name) in parents.items():
            grandparent = parents.get(parent, (0, ""))[0]
            if name == "lda" and parent in found:
                feeding.append(parent)
            elif name == "lda" and grandparent in found:
                feeding.append(grandparent)
        return found, feeding

    def kill_one(self, rng):
        found, feeding = self.processes()
        pid, what = 0, ""
        if feeding:
            pid = rng.choice(feeding)
            what = found[pid] + " while it feeds"
        elif rng.random() < 0.1:
            victims = [p for p, name in found.items()
                       if name == rng.choice(VICTIMS)]
            if victims:
                pid = rng.choice(victims)
                what = found[pid]
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self.done[what] += 1

    def kill_master(self):
        pid = self.master()
        if not pid:
            return
        os.kill(pid, signal.SIGKILL)
        self.done["master"] += 1
        world.gone(pid)
        for _ in range(20):
            try:
                self.postfix.start()
                return
            except world.CannotBuild:
                time.sleep(0.5)     # its children have its socket still
        raise AssertionError("Postfix does not start again")

    def run(self):
        rng = random.Random(7)
        try:
            while sum(self.done.values()) < KILLS and not self.ended.is_set():
                time.sleep(rng.uniform(0.0, 0.02))
                self.kill_one(rng)
                share = KILLS // (MASTER_KILLS + 1)
                if sum(self.done.values()) >= share * (
                        self.done["master"] + 1) and (
                        self.done["master"] < MASTER_KILLS):
                    self.kill_master()
        except Exception as what:
            self.trouble = what


def send_all(w, names, accepted, attempts):
    for name, recipient in names:
        for _ in range(200):
            attempts[name] += 1
            try:
                w.postfix.send("carol@client.invalid", recipient,
                               message(name))
                accepted.append((name, recipient))
                break
            except (OSError, smtplib.SMTPException, AssertionError,
                    TypeError):
                time.sleep(0.1)     # its server was killed
        else:
            return


def drain(w, seconds=180):
    """Has everything tried again until the queue is empty."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        left = w.postfix.command("/usr/sbin/postqueue", "-j")
        if left.returncode == 0 and not left.stdout.strip():
            return
        w.postfix.command("/usr/sbin/postqueue", "-f")
        time.sleep(1)
    raise AssertionError("the queue is not empty in %d s: %s" % (
        seconds, left.stdout[:2000]))


def count(places, lost):
    """Number of copies of each, by number; lost gets what is torn."""
    copies = collections.Counter()
    for maildir in places:
        for path in mails(maildir):
            content = read(path)
            name, wanted = ID.search(content), SUM.search(content)
            body = content[content.index(b"\n\n") + 2:]
            if not (name and wanted and hashlib.md5(
                    body).hexdigest().encode() == wanted[1]):
                lost.append(path)
                continue
            copies[name[1].decode()] += 1
    return copies


@test("postfix")
def no_mail_is_cut_short_or_lost_when_postfix_is_killed(w):
    w.users_file(*VIRTUAL)
    home = w.fresh_home("bob")
    places = [os.path.join(w.home_of(name), "Maildir") for name in VIRTUAL]
    places.append(os.path.join(home, "Maildir"))
    mark = w.sink.mark()
    recipients = VIRTUAL + LOCAL
    names = [("n%05d" % i, recipients[i % len(recipients)])
             for i in range(MAILS)]
    accepted, attempts = [], collections.Counter()
    killer = Postmortem(w)
    threads = [threading.Thread(target=killer.run)]
    threads += [threading.Thread(
        target=send_all, args=(w, names[i::CLIENTS], accepted, attempts))
        for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    # What was killed waits in the queue: it is fed, and killed, again.
    until = time.monotonic() + 60
    while (sum(killer.done.values()) < KILLS and not killer.trouble
           and time.monotonic() < until):
        w.postfix.command("/usr/sbin/postqueue", "-f")
        time.sleep(0.5)
    killer.ended.set()
    threads[0].join()
    true(killer.trouble is None, "the killer: %s" % killer.trouble)
    drain(w)
    torn = []
    copies = count(places, torn)
    missing = [name for name, _ in accepted if copies[name] == 0]
    twice = sum(copies[name] - 1 for name in copies)
    caught = w.sink.lines[mark:]
    noticed = sum("the process that fed us" in line.text for line in caught)
    kills = sum(killer.done.values())
    print("summary: %d mails in %d attempts, %d kills (%s), %d deliveries "
          "undone because the feeder had gone, %d delivered again, "
          "%d torn, %d lost: %d survivors" % (
              len(accepted), sum(attempts.values()), kills,
              ", ".join("%d %s" % (n, what)
                        for what, n in sorted(killer.done.items())),
              noticed, twice, len(torn), len(missing),
              len(torn) + len(missing)))
    same(torn, [], "mails that are not whole")
    same(missing, [], "accepted, and not there")
    same(len(accepted), MAILS, "mails accepted")
    true(noticed > 0, "no delivery was hit in the middle")
    # A feeder that dies when lda has delivered cannot have written it down.
    true(twice <= kills + sum(attempts.values()) - len(accepted),
         "%d mails too many" % twice)
    for place in places:
        same(debris(place), [], "left in tmp/")
