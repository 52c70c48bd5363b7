"""disks.py - real file systems whose power can be cut.

A file system is made once in an image in memory, filled and kept; every trial
works on a copy of it, on a loop device that ends with its mount.  A cut is
what the medium holds at that moment: on ext4 and xfs the file system is told
to stop without writing anything more (FS_IOC_SHUTDOWN), on btrfs, which has no
such thing, the medium is copied while it is mounted.  That is the worst case:
nothing has been written but what somebody has waited for.

Used inside the name spaces of tests/system/spaces.py only.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import struct
import subprocess
import time

libc = ctypes.CDLL(None, use_errno=True)

FS_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2
LOOP_CTL_GET_FREE, LOOP_CONFIGURE = 0x4C82, 0x4C0A
LO_FLAGS_AUTOCLEAR = 4
MNT_DETACH = 2

# kind: program, its arguments, size of the image, type, options of the mount.
# xfs and btrfs refuse to be smaller.
KINDS = {
    "ext4": ("mkfs.ext4", ["-q", "-F", "-m", "0", "-J", "size=4"],
             12 << 20, "ext4", ""),
    "ext4-writeback": ("mkfs.ext4", ["-q", "-F", "-m", "0", "-J", "size=4"],
                       12 << 20, "ext4", "data=writeback"),
    "ext4-journal": ("mkfs.ext4", ["-q", "-F", "-m", "0", "-J", "size=4"],
                     12 << 20, "ext4", "data=journal"),
    "xfs": ("mkfs.xfs", ["-q", "-f"], 300 << 20, "xfs", ""),
    "btrfs": ("mkfs.btrfs", ["-q", "-f"], 120 << 20, "btrfs", ""),
}
PACKAGES = {"mkfs.ext4": "e2fsprogs", "mkfs.xfs": "xfsprogs",
            "mkfs.btrfs": "btrfs-progs"}

devices = None      # where this run has its devtmpfs


def why_not(kind):
    """Why there can be no such disk here, or None.  After begin."""
    program, _, _, type_, _ = KINDS[kind]
    if not shutil.which(program):
        return "no %s (package %s)" % (program, PACKAGES[program])
    if not os.path.exists(devices + "/loop-control"):
        return "the kernel has no loop devices"
    with open("/proc/filesystems") as f:
        known = f.read().split()
    if type_ not in known and subprocess.run(
            ["modprobe", "-q", type_], check=False).returncode != 0:
        return "the kernel has no " + type_
    return None


def begin(directory):
    """Once, inside: loop devices appear in a devtmpfs of our own."""
    global devices
    devices = directory
    os.makedirs(directory, exist_ok=True)
    mount("devtmpfs", directory, "devtmpfs")


def mount(source, place, type_, options="", flags=0):
    if libc.mount(source.encode(), place.encode(), type_.encode(), flags,
                  options.encode()) != 0:
        error = ctypes.get_errno()
        raise OSError(error, "mount %s on %s: %s" % (
            source, place, os.strerror(error)))


def umount(place, flags=0):
    """What the last process there has opened may still be going away."""
    until = time.monotonic() + 10
    while libc.umount2(place.encode(), flags) != 0:
        error = ctypes.get_errno()
        if error != errno.EBUSY or time.monotonic() > until:
            raise OSError(error, "umount %s: %s" % (
                place, os.strerror(error)))
        time.sleep(0.002)


def attach(image):
    """A loop device on the image that ends with its last user: an open
    descriptor of it, and its path."""
    control = os.open(devices + "/loop-control", os.O_RDWR)
    file = os.open(image, os.O_RDWR)
    try:
        while True:
            number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
            path = "%s/loop%d" % (devices, number)
            device = os.open(path, os.O_RDWR)
            # struct loop_config: fd, block size, struct loop_info64.
            info = struct.pack("=QQQQQIIII64s64s32sQQ", 0, 0, 0, 0, 0, 0, 0,
                               0, LO_FLAGS_AUTOCLEAR, b"", b"", b"", 0, 0)
            try:
                fcntl.ioctl(device, LOOP_CONFIGURE,
                            struct.pack("=II", file, 0) + info + bytes(64))
                return device, path
            except OSError as why:
                os.close(device)
                if why.errno != errno.EBUSY:    # another has been faster
                    raise
    finally:
        os.close(file)
        os.close(control)


class Disk:
    """One file system on one image, mounted at place or not."""

    def __init__(self, kind, place, directory, size=None):
        self.kind = kind
        program, arguments, usual, self.type, self.options = KINDS[kind]
        self.place = place
        self.golden = os.path.join(directory, kind + ".golden")
        self.image = os.path.join(directory, kind + ".image")
        self.mounted = False
        os.makedirs(place, exist_ok=True)
        with open(self.image, "wb") as f:
            f.truncate(size or usual)
        subprocess.run([program, *arguments, self.image], check=True,
                       stdout=subprocess.DEVNULL)

    def mount(self, medium=None):
        """medium: another file that is the disk."""
        device, path = attach(medium or self.image)
        try:
            mount(path, self.place, self.type, self.options)
        finally:
            os.close(device)
        self.mounted = True

    def umount(self):
        umount(self.place)
        self.mounted = False

    def keep(self):
        """As it is now is how every trial begins."""
        self.umount()
        os.rename(self.image, self.golden)

    def begin(self):
        """Mounts a fresh copy."""
        if self.mounted:
            self.umount()
        copy(self.golden, self.image)
        self.mount()

    def cut(self, ends=None):
        """The power goes, ends() ends the processes that are left, and the
        file system is mounted again."""
        if self.type == "btrfs":
            copy(self.image, self.image + ".cut")
        else:
            root = os.open(self.place, os.O_RDONLY)
            fcntl.ioctl(root, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
            os.close(root)
        if ends:
            ends()
        self.umount()
        if self.type == "btrfs":
            os.rename(self.image + ".cut", self.image)
        self.mount()

    def end(self):
        if self.mounted:
            umount(self.place, MNT_DETACH)
            self.mounted = False
        for path in (self.golden, self.image, self.image + ".cut"):
            if os.path.exists(path):
                os.unlink(path)


def copy(source, target):
    """Only what is not a hole."""
    with open(source, "rb") as into, open(target, "wb") as out:
        size = os.fstat(into.fileno()).st_size
        out.truncate(size)
        at = 0
        while True:
            try:
                at = os.lseek(into.fileno(), at, os.SEEK_DATA)
            except OSError:
                return      # ENXIO: nothing but a hole is left
            end = os.lseek(into.fileno(), at, os.SEEK_HOLE)
            while at < end:
                octets = os.pread(into.fileno(), min(end - at, 1 << 20), at)
                os.pwrite(out.fileno(), octets, at)
                at += len(octets)
