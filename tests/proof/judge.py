"""judge.py - whether the mailboxes are as they may be after a power cut."""

import os


class Judge:
    def __init__(self, scene):
        self.scene = scene
        self.wrong = []

    def complain(self, where, what):
        self.wrong.append(where)
        print("WRONG %s: %s" % (where, what), flush=True)

    def judge(self, where, delivery, yes, said, second=None, undone=False):
        """All mailboxes of the delivery, against what was answered.  second:
        the answers to the delivery after it.  undone: there was time to undo
        what was not reported."""
        for number, box in enumerate(delivery.boxes):
            found = box.look(delivery.letters)
            count = found.letters["first"]
            wrong = []
            if not found.old:
                wrong.append("old mail is damaged")
            if yes[number] and count != 1:
                wrong.append("it was reported and is there %d times" % count)
            if undone and not yes[number] and count + len(found.torn) > 0:
                wrong.append("it was refused and is there")
            if count + len(found.torn) > 1:
                wrong.append("it is there more than once")
            if found.torn and (yes[number] or not box.tears):
                wrong.append("a part of it is seen")
            for part in found.torn:
                if not is_part(part, delivery.letters["first"]):
                    wrong.append("there is something else")
            if found.letters["second"] != (1 if second else 0):
                wrong.append("the second is there %d times" %
                             found.letters["second"])
            if wrong:
                self.complain(where, "%s: %s\n    %s\n    it said %s" % (
                    box.path, ", ".join(wrong), found, said))

    def again(self, where, delivery, yes, said):
        """The next, normal delivery, after the machine has started again:
        what a lock file said may be lost, and its age is all that is left."""
        scene = self.scene
        for box in delivery.boxes:
            box.older_than_boot()
        second, words = scene.deliver(delivery, "second")
        scene.end_all()
        if not all(second):
            self.complain(where, "the next delivery fails: " + words)
            return
        self.judge(where + ", next", delivery, yes, said, second)
        for box in delivery.boxes:
            if os.path.lexists(box.path + ".lock"):
                self.complain(where, "the next delivery leaves a lock")


def is_part(part, octets):
    """A beginning of a letter, perhaps with the From_ line that an mbox has
    or a part of that, perhaps closed off by the next delivery."""
    bare = part.rstrip(b"\n")
    return octets.startswith(bare) or b"From a@b.invalid  ".startswith(
        bare[:18])
