"""contract.py - the machine is in trouble, or the program is started in a bad
way: none of it is the recipient's fault, and none of it may bounce or lose
mail.

Each case makes the trouble, delivers, and ends it.
"""

import os
import resource
import signal
import subprocess

import agents
import place
import world
from agents import HOME, PLACE, UID


class Case:
    """title; whether it is about how a command is started, which local(8) and
    virtual(8) are not."""

    def __init__(self, title, function, commands=False):
        self.title = title
        self.function = function
        self.commands = commands


def plain(scene, agent, **how):
    letter = scene.letter()
    fate = agent.deliver("maildir", letter.octets, **how)
    return letter, fate


# The mailbox.

def no_home(scene, agent):
    os.rename(HOME, HOME + ".away")
    try:
        return plain(scene, agent)
    finally:
        if os.path.isdir(HOME):
            os.rename(HOME, HOME + ".made")
        os.rename(HOME + ".away", HOME)


def home_closed(scene, agent):
    os.chown(HOME, 0, 0)
    try:
        return plain(scene, agent)
    finally:
        os.chown(HOME, UID, UID)


def maildir_closed(scene, agent):
    for name in ("new", "tmp", "cur", ""):
        os.chmod(os.path.join(HOME, "Maildir", name), 0o500)
    return plain(scene, agent)


def maildir_is_a_file(scene, agent):
    os.rename(HOME + "/Maildir", HOME + "/Maildir.away")
    world.write(HOME + "/Maildir", "")
    os.chown(HOME + "/Maildir", UID, UID)
    try:
        letter, fate = plain(scene, agent)
        # maildrop takes it for an mbox; procmail goes to the spool.
        there = os.path.isfile(HOME + "/Maildir") and \
            letter.body in world.read(HOME + "/Maildir")
        there = there or scene.look("maildir", letter)[0] == 1
        return letter, fate, (1 if there else 0, 0, True)
    finally:
        if os.path.isfile(HOME + "/Maildir"):
            os.unlink(HOME + "/Maildir")
            os.rename(HOME + "/Maildir.away", HOME + "/Maildir")


def on_tmpfs(scene, options, trouble, end, agent):
    """With PLACE being another file system for a while."""
    scene.mount(options)
    try:
        scene.fresh()
        trouble()
        letter, fate = plain(scene, agent)
        # What is there is read before it goes away.
        return letter, fate, scene.look("maildir", letter)
    finally:
        end()
        world.umount(PLACE)


def disk_full(scene, agent):
    def fill():
        with open(PLACE + "/filler", "wb", buffering=0) as f:
            try:
                while f.write(b"x" * 4096) == 4096:
                    pass
            except OSError:
                pass
    return on_tmpfs(scene, "size=1m", fill, lambda: None, agent)


def no_inodes(scene, agent):
    def fill():
        try:
            for number in range(1000):
                with open("%s/filler%d" % (PLACE, number), "x"):
                    pass
        except OSError:
            pass
    return on_tmpfs(scene, "size=8m,nr_inodes=40", fill, lambda: None, agent)


def read_only(scene, agent):
    return on_tmpfs(
        scene, "size=8m",
        lambda: world.mount("-o", "remount,ro", PLACE),
        lambda: world.mount("-o", "remount,rw", PLACE), agent)


# How a command is started.

def descriptors(*closed):
    def start(scene, agent):
        def close():
            for descriptor in closed:
                os.close(descriptor)
        return plain(scene, agent, preexec_fn=close)
    return start


def limited(which, value):
    def start(scene, agent):
        return plain(scene, agent, preexec_fn=lambda: resource.setrlimit(
            which, (value, value)))
    return start


def empty(scene, agent):
    letter = scene.letter()
    fate = agent.deliver("maildir", b"")
    seen = scene.look("maildir", letter)
    # An empty mail that is delivered as one is a mail lost.
    return letter, fate, (0, 0, seen[2])


def read_error(scene, agent):
    """Reading a directory fails with EISDIR."""
    letter = scene.letter()
    directory = os.open("/", os.O_RDONLY)
    try:
        fate = agent.deliver("maildir", None, stdin=directory)
    finally:
        os.close(directory)
    return letter, fate


def feeder_killed(scene, agent):
    """Postfix's process dies in the middle of the mail: what comes is a clean
    end of file, and nobody looks at the exit status.  The mail will come
    again; its half must not be there."""
    letter = scene.letter()
    feeder = os.fork()
    if feeder == 0:
        process = agent.start("maildir")
        process.stdin.write(letter.octets[:2000])
        process.stdin.flush()
        with open(scene.world.path("child"), "w") as f:
            f.write(str(process.pid))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(feeder, 0)
    pid = int(world.read(scene.world.path("child")))
    # We are the one who inherits it.
    _, status = os.waitpid(pid, 0)
    status = os.waitstatus_to_exitcode(status)
    seen = scene.look("maildir", letter)
    return letter, agents.Fate("killed feeder", "status %d" % status), seen


def broken_settings(scene, agent):
    path, mistake = agent.settings
    before = world.read(path)
    world.write(path, before + mistake.encode())
    try:
        return plain(scene, agent)
    finally:
        world.write(path, before)


def big(scene, agent):
    """Half of it fits under the limit of file sizes."""
    letter = place.Letter("limit", 200000)
    fate = agent.deliver("maildir", letter.octets,
                         preexec_fn=lambda: resource.setrlimit(
                             resource.RLIMIT_FSIZE, (100000, 100000)))
    return letter, fate


CASES = [
    Case("home not mounted", no_home),
    Case("home belongs to root", home_closed),
    Case("Maildir not writable", maildir_closed),
    Case("Maildir is a file", maildir_is_a_file),
    Case("disk full", disk_full),
    Case("no inodes", no_inodes),
    Case("disk read-only", read_only),
    Case("a mistake in settings", broken_settings, True),
    Case("empty input", empty, True),
    Case("input unreadable", read_error, True),
    Case("feeder killed", feeder_killed, True),
    Case("stdin closed", descriptors(0), True),
    Case("stdout closed", descriptors(1), True),
    Case("stderr closed", descriptors(2), True),
    Case("all three closed", descriptors(0, 1, 2), True),
    Case("3 descriptors", limited(resource.RLIMIT_NOFILE, 3), True),
    Case("4 descriptors", limited(resource.RLIMIT_NOFILE, 4), True),
    Case("8 MB of memory", limited(resource.RLIMIT_AS, 8 << 20),
         True),
    Case("file size limit", big, True),
]


def outcome(scene, agent, case):
    scene.fresh()
    try:
        letter, fate, *seen = case.function(scene, agent)
    except (OSError, subprocess.SubprocessError) as why:
        return "-", str(why)
    seen = seen[0] if seen else scene.look("maildir", letter)
    if fate.word == "killed feeder":
        word = "ok" if seen == (0, 0, True) else "half"
    else:
        word = place.verdict(fate, seen)
        # It may also have put the mail into a home that it has made.
        if word == "old mail" and fate.word != "sent":
            word = "ok" if fate.word == "deferred" else fate.word
    return word, "%s, seen %s" % (fate, seen)


def contract(scene, table):
    table.group("this machine's trouble")
    for case in CASES:
        cells = []
        for agent in scene.agents:
            if case.commands and (agent.attached or (
                    case.function is broken_settings
                    and not agent.settings)):
                cells.append("-")
                continue
            word, text = outcome(scene, agent, case)
            cells.append(word)
            scene.note(agent, case.title, "%s: %s" % (word, text))
        table.row(case.title, cells)
