"""fuse.py - a file system that hangs, as an NFS server that is down does.

It speaks just enough of the kernel's protocol to be mounted (FUSE_INIT), and
then answers nothing but "interrupted".  With deaf=True it does not even read
what is asked: then no signal but a deadly one ends the wait, as on an NFS
mount with "hard".
"""

import ctypes
import errno
import os
import select
import struct
import subprocess
import threading

FUSE_INIT, FUSE_INTERRUPT = 26, 36
MS_NOSUID_NODEV = 6
libc = ctypes.CDLL(None, use_errno=True)


class Hung:
    def __init__(self, path, deaf=False):
        self.path = path
        self.deaf = deaf
        self.ended = threading.Event()
        self.thread = None

    def __enter__(self):
        os.makedirs(self.path, exist_ok=True)
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_NONBLOCK)
        options = ("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other"
                   % self.device)
        if libc.mount(b"hung", self.path.encode(), b"fuse", MS_NOSUID_NODEV,
                      options.encode()) != 0:
            error = ctypes.get_errno()
            os.close(self.device)
            raise OSError(error, os.strerror(error))
        self._answer_init()
        if not self.deaf:
            self.thread = threading.Thread(target=self._listen, daemon=True)
            self.thread.start()
        return self

    def _request(self):
        """The next one: opcode, unique, body."""
        octets = os.read(self.device, 1 << 17)
        _, opcode, unique = struct.unpack_from("=IIQ", octets)
        return opcode, unique, octets[40:]

    def _answer(self, unique, error, body=b""):
        os.write(self.device,
                 struct.pack("=IiQ", 16 + len(body), -error, unique) + body)

    def _answer_init(self):
        select.select([self.device], [], [], 10)
        opcode, unique, body = self._request()
        assert opcode == FUSE_INIT
        major, _, readahead = struct.unpack_from("=III", body)
        # Protocol 22 and its short answer: every later kernel takes it.
        self._answer(unique, 0, struct.pack(
            "=IIIIHHI", major, 22, readahead, 0, 12, 9, 4096))

    def _listen(self):
        while not self.ended.is_set():
            if not select.select([self.device], [], [], 0.1)[0]:
                continue
            try:
                opcode, _, body = self._request()
                if opcode == FUSE_INTERRUPT:
                    self._answer(struct.unpack_from("=Q", body)[0],
                                 errno.EINTR)
            except OSError as error:
                # ENOENT: the request was taken back in the meantime.
                if error.errno not in (errno.ENOENT, errno.EAGAIN):
                    return

    def __exit__(self, *_):
        self.ended.set()
        if self.thread:
            self.thread.join()
        # Closing the device fails every call that still waits.
        os.close(self.device)
        subprocess.run(["umount", "-n", "-l", self.path], check=False)
