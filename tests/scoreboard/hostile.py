"""hostile.py - somebody else has put something where a mailbox should be.

A mail spool that a group or everybody may write to is such a place; what
stands there is another user's, or a link to a file of the recipient's that is
no mailbox.  The right thing is to leave it alone and to wait for the
administrator: "ok" is deferred, and nothing changed.
"""

import os
import shutil
import threading

import agents
import scene as scenes
import world
from agents import SPOOL, UID

EVE = 5003
VICTIM = "/home/bob/keys"
BOX = SPOOL + "/bob"


def link_to(target):
    os.symlink(target, BOX)
    os.lchown(BOX, EVE, EVE)


def symbolic():
    link_to(VICTIM)


def dangling():
    link_to("/home/bob/made")


def hard():
    # It needs one file system: this file stands for one in the home.
    scenes.give(SPOOL + "/keys", b"a key\n", UID)
    os.link(SPOOL + "/keys", BOX)


def fifo():
    os.mkfifo(BOX)
    os.chmod(BOX, 0o666)
    os.chown(BOX, EVE, EVE)


def foreign():
    scenes.give(BOX, b"", EVE)
    os.chmod(BOX, 0o666)


def directory():
    os.mkdir(BOX)
    os.chown(BOX, EVE, EVE)


def device():
    os.symlink("/dev/null", BOX)
    os.lchown(BOX, EVE, EVE)


CASES = [
    ("symlink to a file", symbolic),
    ("symlink to nothing", dangling),
    ("symlink to /dev/null", device),
    ("hard link to a file", hard),
    ("another user's FIFO", fifo),
    ("another user's file", foreign),
    ("a directory", directory),
]


class Reader:
    """The other user reads what comes through a FIFO of his."""

    def __init__(self):
        self.got = b""
        self.descriptor = os.open(BOX, os.O_RDONLY | os.O_NONBLOCK)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while not self.ended.wait(0.01):
            try:
                self.got += os.read(self.descriptor, 65536)
            except BlockingIOError:
                pass

    def end(self):
        self.ended.set()
        self.thread.join()
        os.close(self.descriptor)
        return self.got


def outcome(scene, agent, make):
    scene.fresh()
    # So that lda takes the spool.
    shutil.rmtree(agents.HOME + "/Maildir")
    world.write(VICTIM, b"a key\n", 0o600)
    os.chown(VICTIM, UID, UID)
    if os.path.exists("/home/bob/made"):
        os.unlink("/home/bob/made")
    make()
    reader = Reader() if make is fifo else None
    letter = scene.letter()
    fate = agent.deliver("spool", letter.octets)
    leaked = reader.end() if reader else b""
    if world.read(VICTIM) != b"a key\n" or os.path.exists("/home/bob/made"):
        return "written", fate
    if os.path.exists(SPOOL + "/keys") and world.read(
            SPOOL + "/keys") != b"a key\n":
        return "written", fate
    if leaked or (make is foreign and os.path.exists(BOX)
                  and os.lstat(BOX).st_uid == EVE
                  and world.read(BOX)):
        return "leaked", fate
    if fate.word == "sent":
        # Somewhere else, perhaps: the entry was put aside, or ~/mbox.
        for path in (BOX, agents.HOME + "/mbox"):
            if os.path.isfile(path) and not os.path.islink(path) and \
                    letter.body in world.read(path):
                return "ok", fate
        return "lost", fate
    return ("ok" if fate.word == "deferred" else fate.word), fate


def hostile(scene, table):
    table.group("in the spool, instead of a mailbox")
    for title, make in CASES:
        cells = []
        for agent in scene.agents:
            word, fate = outcome(scene, agent, make)
            cells.append(word)
            scene.note(agent, "spool: " + title, "%s: %s" % (word, fate))
        table.row(title, cells)
    scene.fresh_spool()
