"""place.py - where the agents deliver, and what a reader finds there."""

import os
import re
import shutil

import agents
import disks
import scene
import world
from agents import HOME, PLACE, SPOOL, UID

# The From_ line of an mbox, as each agent writes it.
FROM = re.compile(rb"(?m)^From \S+ +[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d "
                  rb"\d\d:\d\d:\d\d \d{4}\n")

ID = re.compile(rb"(?m)^Message-Id: <(\w+)@")

TITLES = {"maildir": "Maildir", "mbox": "mbox"}


class Letter:
    """A message that can be known again although headers were put on top of
    it or between its own."""

    def __init__(self, name, octets=4096):
        self.octets = scene.letter(name, octets)
        head, self.body = self.octets.split(b"\n\n", 1)
        self.lines = head.split(b"\n")

    def is_in(self, content):
        head, _, body = content.partition(b"\n\n")
        lines = head.split(b"\n")
        return body.rstrip(b"\n") == self.body.rstrip(b"\n") \
            and all(line in lines for line in self.lines)


OLD = Letter("old", 2000)
OLD_BOX = (b"From old@b.invalid  Fri Nov 20 08:00:00 2026\n" + OLD.octets
           + b"\n")


class Place:
    def __init__(self, scratch, source, details):
        self.details = details
        self.world = world.World(scratch, world.Machine())
        self.world.build(source, None)
        self.agents, self.missing = [], []
        self.postfix = None
        self.draw = None
        self.letters = {}

    def start(self):
        w = self.world
        agents.add_warm_user()
        os.makedirs(PLACE)
        disks.begin(w.path("devices"))
        scene.become_reaper()
        path = "/usr/local/sbin/lda-mail"
        shutil.copy("/usr/local/sbin/lda", path)
        os.chown(path, 0, scene.MAIL)
        os.chmod(path, 0o2755)
        if "postfix" not in w.machine.missing:
            self.postfix = w.postfix = agents.Postfix(w)
            self.postfix.start()
        self.agents, self.missing = agents.all_of(w, self.postfix)
        os.mkdir(w.path("images"))
        self.mount()
        self.fresh()

    @staticmethod
    def mount(options="size=64m"):
        world.mount("-t", "tmpfs", "-o", "mode=755," + options, "place",
                    PLACE)

    def close(self):
        self.world.close()

    def note(self, agent, what, text):
        """For who wants to know why a cell is not 0."""
        self.details.write("%s: %s: %s\n" % (agent.name, what, text))
        self.details.flush()

    def fresh(self, old=True):
        """A home with a Maildir and an mbox, old mail in both; nothing in the
        spool."""
        self.fresh_spool()
        if os.path.isdir(HOME):
            shutil.rmtree(HOME)
        os.mkdir(HOME, 0o700)
        os.chown(HOME, UID, UID)
        world.make_maildir(HOME + "/Maildir", UID)
        if old:
            scene.give(HOME + "/Maildir/cur/1.old.host:2,S", OLD.octets, UID)
            scene.give(HOME + "/mbox", OLD_BOX, UID)

    def fresh_spool(self):
        for name in os.listdir(SPOOL):
            path = os.path.join(SPOOL, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def letter(self):
        name = "l%d" % len(self.letters)
        self.letters[name.encode()] = made = Letter(name)
        return made

    def is_another(self, content):
        """A whole letter of before, which Postfix has tried again."""
        found = ID.search(content)
        return found and found[1] in self.letters \
            and self.letters[found[1]].is_in(content)

    def look(self, store, letter):
        """(how often the letter is there, parts of something, whether the old
        mail is well)."""
        contents, old = [], False
        if store == "maildir":
            for path in world.mails(HOME + "/Maildir"):
                contents.append(world.read(path))
        elif os.path.exists(HOME + "/mbox"):
            octets = world.read(HOME + "/mbox")
            parts = FROM.split(octets)
            contents = ([parts[0]] if parts[0] else []) + parts[1:]
        # procmail falls back to the spool, which is as good.
        if os.path.isfile(SPOOL + "/bob"):
            contents += [part for part in FROM.split(
                world.read(SPOOL + "/bob")) if part]
        count, torn = 0, 0
        for content in contents:
            if letter.is_in(content):
                count += 1
            elif OLD.is_in(content):
                old = True
            elif not self.is_another(content):
                torn += 1
        return count, torn, old


WRONG = ("lost", "half", "old mail", "doubled", "bounced", "loader")


def verdict(fate, seen, wanted=1):
    """What is wrong with a delivery that met trouble of the machine's, or
    "ok"; the worst first."""
    count, torn, old = seen
    if not old:
        return "old mail"
    if fate.word == "hung":
        return "hung"   # what would have come of it is not known
    if fate.word == "sent":
        if count == 0:
            return "lost"
        return "ok" if count == wanted and not torn else (
            "doubled" if count > 1 else "half")
    if count:
        return "doubled" if fate.word != "bounced" else "bounced"
    if torn:
        return "half"
    if fate.word == "bounced" and fate.text.startswith("status 127,"):
        return "loader"
    return "ok" if fate.word == "deferred" else fate.word
