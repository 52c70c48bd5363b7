"""medium.py - a disk that writes down what is written to it, and when it is
told to make it durable.

It is a file system with one file, served by a process of its own over
/dev/fuse; a loop device on that file is the disk.  What the device is told is
what dm-log-writes would see: each write, and each flush of its cache.  Between
two flushes a real disk may keep any of the writes and lose the others.

Source: linux/fuse.h, protocol 7.22.
"""

import errno
import os
import signal
import stat
import struct
import traceback

import disks

LOOKUP, FORGET, GETATTR, SETATTR, STATFS = 1, 2, 3, 4, 17
OPEN, READ, WRITE, RELEASE, FSYNC, FLUSH, INIT = 14, 15, 16, 18, 20, 25, 26
INTERRUPT, DESTROY, BATCH_FORGET = 36, 38, 42
FOPEN_DIRECT_IO, BIG_WRITES = 1, 32
ROOT, FILE = 1, 2
LARGEST = 1 << 17
DEVICE = "/dev/fuse"


class Medium:
    """The image as a disk: medium.path is the file for a loop device.  What
    is written changes the image, and is kept in log."""

    def __init__(self, image, place):
        self.place = place
        self.path = os.path.join(place, "disk")
        self.log = image + ".log"
        os.makedirs(place, exist_ok=True)
        device = os.open(DEVICE, os.O_RDWR)
        try:
            # Before there is a mount the device cannot be read.
            disks.mount("medium", place, "fuse",
                        "fd=%d,rootmode=40000,user_id=0,group_id=0" % device)
            server = Server(device, image, self.log)
            self.pid = os.fork()
            if self.pid == 0:
                self.be(server)
            server.close()
        finally:
            os.close(device)

    @staticmethod
    def be(server):
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            server.serve()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def position(self):
        """How far the log has come: what has been answered stands in it."""
        return os.path.getsize(self.log)

    def end(self):
        disks.umount(self.place)
        os.waitpid(self.pid, 0)

    def events(self):
        """[(position after it, offset, octets)]; octets None: a flush."""
        found = []
        with open(self.log, "rb") as f:
            while True:
                head = f.read(12)
                if len(head) < 12:
                    return found
                offset, size = struct.unpack("=qI", head)
                octets = f.read(size) if offset >= 0 else None
                found.append((f.tell(), offset, octets))


class Server:
    def __init__(self, device, image, log):
        self.device = device
        self.image = os.open(image, os.O_RDWR)
        self.log = open(log, "wb", buffering=0)
        self.size = os.fstat(self.image).st_size

    def close(self):
        os.close(self.image)
        self.log.close()

    def serve(self):
        answers = {LOOKUP: self.lookup, GETATTR: self.getattr,
                   SETATTR: self.getattr, OPEN: self.open, READ: self.read,
                   WRITE: self.write, FSYNC: self.fsync, INIT: self.init,
                   FLUSH: self.nothing, RELEASE: self.nothing,
                   DESTROY: self.nothing}
        while True:
            try:
                octets = os.read(self.device, LARGEST + 8192)
            except OSError as why:
                if why.errno in (errno.EINTR, errno.ENOENT):
                    continue
                return      # ENODEV: unmounted
            _, opcode, unique, node = struct.unpack_from("=IIQQ", octets)
            if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
                continue
            answer = answers.get(opcode)
            error, body = (errno.ENOSYS, b"") if answer is None else (
                answer(node, memoryview(octets)[40:]))
            try:
                os.write(self.device, struct.pack(
                    "=IiQ", 16 + len(body), -error, unique) + body)
            except OSError as why:
                if why.errno != errno.ENOENT:
                    return

    def init(self, _, body):
        major, _, readahead = struct.unpack_from("=III", body)
        return 0, struct.pack("=IIIIHHI", major, 22, readahead, BIG_WRITES,
                              12, 9, LARGEST)

    def attributes(self, node):
        mode = stat.S_IFDIR | 0o700 if node == ROOT else stat.S_IFREG | 0o600
        size = 4096 if node == ROOT else self.size
        return struct.pack("=QQQQQQIIIIIIIIII", node, size, size // 512, 0, 0,
                           0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def lookup(self, _, body):
        if bytes(body) != b"disk\0":
            return errno.ENOENT, b""
        return 0, struct.pack("=QQQQII", FILE, 0, 3600, 3600, 0, 0) \
            + self.attributes(FILE)

    def getattr(self, node, _):
        return 0, struct.pack("=QII", 3600, 0, 0) + self.attributes(node)

    def open(self, node, _):
        return 0, struct.pack("=QII", 0, FOPEN_DIRECT_IO, 0)

    def read(self, _, body):
        _, offset, size = struct.unpack_from("=QQI", body)
        return 0, os.pread(self.image, size, offset)

    def write(self, _, body):
        _, offset, size = struct.unpack_from("=QQI", body)
        octets = bytes(body[40:40 + size])
        os.pwrite(self.image, octets, offset)
        self.log.write(struct.pack("=qI", offset, size) + octets)
        return 0, struct.pack("=II", size, 0)

    def fsync(self, *_):
        self.log.write(struct.pack("=qI", -1, 0))
        return 0, b""

    def nothing(self, *_):
        return 0, b""


def why_not():
    """Why there is no such disk here, or None."""
    with open("/proc/filesystems") as f:
        known = "fuse" in f.read().split()
    if not known or not os.path.exists(DEVICE):
        return "the kernel has no FUSE"
    return None
