"""faults.py - system calls that fail, and kills: one in each delivery.

A delivery under strace tells which calls there are; then each of them fails
once, in a delivery of its own, with an error that a machine in trouble gives
for it.  Of too many some are drawn.  Commands run under strace; a process of
Postfix is taken hold of before the mail comes.
"""

import collections
import os
import re
import signal
import subprocess

import agents
import place

DEEP = bool(os.environ.get("DEEP"))

# The most for one agent and one kind of mailbox: commands, and processes of
# Postfix, which takes a second or two to start one anew.
FAULTS = (2000, 400) if DEEP else (120, 40)
KILLS = (500, 100) if DEEP else (30, 8)
STRACE = "/usr/bin/strace"

# What a machine in trouble says to each call: disks that fail or are full,
# too little memory, too many files or processes.  Calls that cannot fail for
# such a reason are left out.
ERRORS = {}
for names, errors in (
        ("open openat creat", "EIO ENFILE"),
        ("read readv pread64 pread", "EIO"),
        ("write writev pwrite64", "ENOSPC EIO"),
        ("fsync fdatasync", "EIO"), ("close", "EIO"),
        ("stat lstat fstat newfstatat statx access faccessat faccessat2",
         "EIO"),
        ("readlink readlinkat getdents64 chdir fchdir", "EIO"),
        ("ftruncate truncate", "EIO"),
        ("mkdir mkdirat", "ENOSPC"),
        ("link linkat", "ENOSPC EIO"),
        ("rename renameat renameat2", "ENOSPC EIO"),
        ("unlink unlinkat", "EIO"),
        ("chmod fchmod fchmodat chown fchown fchownat lchown", "EIO"),
        ("utime utimes utimensat", "EIO"),
        ("mmap brk mremap", "ENOMEM"),
        ("clone clone3 fork vfork", "EAGAIN"),
        ("pipe pipe2 socket dup", "EMFILE"),
        ("flock", "ENOLCK"), ("execve", "EIO")):
    for name in names.split():
        ERRORS[name] = errors.split()

CALL = re.compile(r"^(\d+) +(\w+)\(")


class Held:
    """A process of Postfix under strace, while the block runs."""

    def __init__(self, pid, options):
        self.strace = subprocess.Popen(
            [STRACE, "-f", *options, "-p", str(pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)

    def __enter__(self):
        # "strace: Process N attached"
        self.strace.stderr.readline()
        return self

    def __exit__(self, *_):
        self.strace.send_signal(signal.SIGINT)
        self.strace.communicate()


def under(agent, store, octets, options):
    """One delivery under strace with these options."""
    if agent.attached:
        with Held(agent.warm_up(store), options):
            return agent.deliver(store, octets)
    return agent.deliver(store, octets, seconds=agents.SWEEP_SECONDS, before=[
        STRACE, "-f", "-u", "bob", *options, "--"])


def calls(scene, agent, store):
    """How often one process makes each call in an undisturbed delivery, at
    most: strace counts for each process apart."""
    scene.fresh()
    letter = scene.letter()
    out = scene.world.path("trace")
    fate = under(agent, store, letter.octets, ["-qq", "-o", out]
                 if not agent.attached else ["-o", out])
    seen = scene.look(store, letter)
    if fate.word != "sent" or seen != (1, 0, True):
        raise RuntimeError("%s does not deliver into its %s: %s, %s" % (
            agent.name, store, fate, seen))
    counts = collections.Counter()
    with open(out, errors="replace") as f:
        for line in f:
            found = CALL.match(line)
            if found:
                counts[found[1], found[2]] += 1
    most = collections.Counter()
    for (_, name), count in counts.items():
        most[name] = max(most[name], count)
    # The command's own start is not a call of it.
    first = {"execve": 1} if not agent.attached else {}
    return [(name, number) for name, count in sorted(most.items())
            for number in range(1 + first.get(name, 0), count + 1)]


def drawn(scene, agent, points, most):
    most = most[1] if agent.attached else most[0]
    return points if len(points) <= most else scene.draw.sample(points, most)


def injection(scene, agent, name, what, number):
    quiet = [] if agent.attached else ["-qq"]
    return [*quiet, "-o", "/dev/null", "-e", "trace=" + name, "-e",
            "inject=%s:%s:when=%d" % (name, what, number)]


def show(table, title, per_agent, words):
    """A row for each word, a column for each agent."""
    table.group(title)
    for word in words:
        cells = []
        for found in per_agent:
            if found is None:
                cells.append("-")
                continue
            total = sum(found.values())
            cells.append("%d/%d" % (found[word], total))
        table.row(word, cells)


def faults(scene, table):
    for store in agents.STORES:
        columns = []
        for agent in scene.agents:
            found = collections.Counter()
            points = [(name, "error=" + error, number)
                      for name, number in calls(scene, agent, store)
                      for error in ERRORS.get(name, [])]
            for point in drawn(scene, agent, points, FAULTS):
                scene.fresh()
                letter = scene.letter()
                fate = under(agent, store, letter.octets,
                             injection(scene, agent, *point))
                seen = scene.look(store, letter)
                word = place.verdict(fate, seen)
                found[word] += 1
                if word != "ok":
                    scene.note(agent, "%s, %s %s %d" % (store, *point),
                               "%s: %s, seen %s" % (word, fate, seen))
            columns.append(found)
        show(table, "a call fails, %s" % place.TITLES[store], columns,
             (*place.WRONG, "hung"))


# Calls after which something is different for those who come later.
CHANGE = {"open", "openat", "write", "writev", "pwrite64", "fsync",
          "fdatasync", "close", "ftruncate", "mkdir", "mkdirat", "link",
          "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat",
          "utime", "utimes", "utimensat", "fchmod", "chmod", "fchown", "chown",
          "exit_group"}


def kills(scene, table):
    """Killed at a call that changes something; then a normal delivery."""
    for store in agents.STORES:
        columns = []
        for agent in scene.agents:
            found = collections.Counter()
            points = [(name, "signal=KILL", number)
                      for name, number in calls(scene, agent, store)
                      if name in CHANGE]
            for point in drawn(scene, agent, points, KILLS):
                found[killed(scene, agent, store, point)] += 1
            columns.append(found)
        show(table, "killed at a call, %s" % place.TITLES[store], columns,
             ("lost", "half", "old mail", "next fails"))


def killed(scene, agent, store, point):
    scene.fresh()
    letter, second = scene.letter(), scene.letter()
    fate = under(agent, store, letter.octets,
                 injection(scene, agent, *point))
    agent.warm_up(store)
    after = agent.deliver(store, second.octets,
                          seconds=agents.SWEEP_SECONDS)
    seen = scene.look(store, letter)
    next_seen = scene.look(store, second)
    if not seen[2]:
        word = "old mail"
    elif fate.word == "sent" and seen[0] == 0:
        word = "lost"
    elif seen[1]:
        word = "half"
    elif after.word != "sent" or next_seen[0] != 1:
        word = "next fails"
    else:
        return "ok"
    scene.note(agent, "%s, %s %s %d" % (store, *point),
               "%s: %s, then %s, seen %s %s" % (word, fate, after, seen,
                                                next_seen))
    return word
