"""full.py - disks that are really full: of octets, of inodes, and by quota.

The mail is refused for the time being with the words that fit, nothing of it
is left, and as soon as there is room again it can be delivered.  The room is
widened step by step, until the delivery fits in; so it is cut off at each
place at which it asks the disk for something.
"""

import errno
import os
import shutil
import subprocess

import disks
import scene as scenes

STEP = 4096
STEPS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 14, 20, 30, 45, 64, 80, 100, 150, 250]

FULL, QUOTA_FULL = "4.3.1", "4.2.2"


def use_up(left):
    """Fills the disk, and gives back that many octets."""
    path = scenes.PLACE + "/filler"
    with open(path, "wb", buffering=0) as f:
        size = 0
        for portion in (1 << 20, 64 << 10, STEP):
            try:
                while True:
                    # No holes, and nothing that could be compressed.
                    got = f.write(os.urandom(portion))
                    size += got
                    if got < portion:
                        break
            except OSError as why:
                if why.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
        # Those that decide only now what fits.
        try:
            os.fsync(f.fileno())
        except OSError:
            pass
        f.truncate(max(size - left, 0))
        try:
            os.fsync(f.fileno())
        except OSError:
            pass


def make_room():
    filler = scenes.PLACE + "/filler"
    if os.path.isdir(filler):
        shutil.rmtree(filler)
    else:
        os.unlink(filler)
    os.sync()


class Memory:
    """tmpfs, by pages or by inodes."""
    kind = "tmpfs"
    reply = FULL
    room = staticmethod(make_room)

    def __init__(self, inodes):
        self.name = "tmpfs without inodes" if inodes else "full tmpfs"
        self.inodes = inodes
        self.mounted = False

    def begin(self):
        self.end()
        os.makedirs(scenes.PLACE, exist_ok=True)
        disks.mount("tmpfs", scenes.PLACE, "tmpfs", "size=4m,nr_inodes=400")
        self.mounted = True
        scenes.fill()

    def leave(self, steps):
        if not self.inodes:
            return use_up(steps * STEP)
        os.mkdir(scenes.PLACE + "/filler")
        made = 0
        try:
            while True:
                with open("%s/filler/%d" % (scenes.PLACE, made), "x"):
                    made += 1
        except OSError as why:
            if why.errno != errno.ENOSPC:
                raise
        for number in range(min(steps, made)):
            os.unlink("%s/filler/%d" % (scenes.PLACE, number))

    def end(self):
        if self.mounted:
            disks.umount(scenes.PLACE)
            self.mounted = False


class OnDisk:
    """A full file system on a loop device."""
    reply = FULL

    def __init__(self, kind, images):
        self.name = "full " + kind
        self.kind = kind
        self.disk = disks.Disk(kind, scenes.PLACE, images)
        self.disk.mount()
        self.before()
        scenes.fill()
        self.disk.keep()

    def before(self):
        pass

    def begin(self):
        self.disk.begin()

    def leave(self, steps):
        use_up(steps * STEP)

    def end(self):
        self.disk.end()

    room = staticmethod(make_room)


class Quota(OnDisk):
    """btrfs, whose limit is drawn close around what is there."""
    reply = QUOTA_FULL

    def before(self):
        self.name = "used-up btrfs quota"
        btrfs("quota", "enable", scenes.PLACE)

    def leave(self, steps):
        os.sync()
        shown = btrfs("qgroup", "show", "--raw", scenes.PLACE)
        used = next(int(line.split()[1]) for line in shown.splitlines()
                    if line.startswith("0/5"))
        # The root of the file system is a subvolume like others.
        btrfs("qgroup", "limit", str(used + steps * STEP), "0/5",
              scenes.PLACE)

    def room(self):
        # Not the limit alone: where it is reached, it cannot be changed.
        btrfs("quota", "disable", scenes.PLACE)


def btrfs(*words):
    return subprocess.run(["btrfs", *words], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


class Full:
    def __init__(self, power):
        self.power = power
        self.scene = power.scene
        self.refused = 0

    def trial(self, place, delivery, steps):
        """Whether it fits in."""
        where = "%s, room %d, %s" % (place.name, steps, delivery.name)
        place.begin()
        place.leave(steps)
        yes, said = self.scene.deliver(delivery, "first")
        self.scene.wait_all()
        self.power.judge(where, delivery, yes, said, undone=True)
        for answered, box in zip(yes, delivery.boxes):
            if not answered and box.debris():
                self.power.complain(where, "left over: %s" % box.debris())
        if all(yes):
            return True
        self.refused += 1
        if place.reply not in said:
            self.power.complain(where, "it does not say %s: %s" % (
                place.reply, said))
        place.room()
        self.power.again(where, delivery, yes, said)
        return False

    def widen(self, place, delivery):
        for steps in STEPS:
            if self.trial(place, delivery, steps):
                return
        self.power.complain("%s, %s" % (place.name, delivery.name),
                            "it never fits in")


def places(scene):
    yield Memory(inodes=False)
    yield Memory(inodes=True)
    for kind in ("ext4", "btrfs"):
        why = disks.why_not(kind)
        if why:
            print("skip: full %s: %s" % (kind, why))
            continue
        if kind == "ext4":
            yield OnDisk(kind, scene.images)
        elif not shutil.which("btrfs"):
            print("skip: EDQUOT: no btrfs (package btrfs-progs)")
        else:
            yield Quota(kind, scene.images)


def run(power, names):
    """Every kind of delivery onto every full disk; how many were refused."""
    full = Full(power)
    for place in places(power.scene):
        before = full.refused
        try:
            for delivery in scenes.ALL:
                if not names or delivery.name in names:
                    full.widen(place, delivery)
        finally:
            place.end()
        if full.refused == before:
            power.complain(place.name, "it was never full")
        print("%s: %d deliveries refused" % (
            place.name, full.refused - before), flush=True)
    return full.refused
