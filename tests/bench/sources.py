"""sources.py - lda with each source of users, and the files and servers that
these need."""

import os
import socket
import struct
import threading

import single
import world
from stage import UID


def cdb(path, users):
    """Writes a constant database: names to the rest of a passwd-file line.

    Source: D. J. Bernstein, "A structure for constant databases" (1996).
    """
    tables = [[] for _ in range(256)]
    with open(path, "wb") as f:
        f.write(b"\0" * 2048)
        at = 2048
        for name, rest in users:
            key, value = name.encode(), rest.encode()
            number = 5381
            for octet in key:
                number = (number * 33 & 0xffffffff) ^ octet
            f.write(struct.pack("<II", len(key), len(value)) + key + value)
            tables[number & 255].append((number, at))
            at += 8 + len(key) + len(value)
        head = []
        for table in tables:
            slots = [(0, 0)] * (2 * len(table))
            for number, place in table:
                slot = (number >> 8) % len(slots)
                while slots[slot][1]:
                    slot = (slot + 1) % len(slots)
                slots[slot] = (number, place)
            head.append((at, len(slots)))
            f.write(b"".join(struct.pack("<II", *slot) for slot in slots))
            at += 8 * len(slots)
        f.seek(0)
        f.write(b"".join(struct.pack("<II", *one) for one in head))


class Socketmap(threading.Thread):
    """Answers one request a connection with the same data."""

    def __init__(self, path, data):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(64)
        answer = b"OK " + data.encode()
        self.answer = b"%d:%s," % (len(answer), answer)

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                if connection.recv(4096):
                    connection.sendall(self.answer)


def subjects(stage, place):
    """One lda for each source, each with a home of its own."""
    made = []

    def add(name, line, *more, rest=":%d:%d::%s::"):
        home = place.home(name)
        user = stage.add_user(name, home)
        made.append(single.lda(
            stage, home, user, "userdb = " + line.format(home=home), *more,
            name=name))
        return home, user, rest % (UID, UID, home)
    add("static", "static", "mail_uid = %d" % UID, "mail_gid = %d" % UID,
        "mail_home = %s/%%n" % place.path)
    add("passwd-file", "passwd-file:" + stage.users)
    path = stage.path("users.cdb")
    _, user, rest = add("cdb", "cdb:" + path)
    cdb(path, [(user, rest)])
    path = stage.path("socketmap")
    _, _, rest = add("socketmap", "socketmap:unix:%s:users" % path)
    Socketmap(path, rest).start()
    if stage.start_dovecot():
        add("dovecot-auth", "dovecot-auth:" + os.path.join(
            os.path.dirname(stage.dovecot), "base/auth-userdb"))
    else:
        single.missing(stage, "Dovecot, for dovecot-auth")
    made.append(passwd(stage, place))
    return made


def passwd(stage, place):
    """A system user, in /etc/passwd."""
    home = place.home("passwd")
    kept = [line for line in world.read("/etc/passwd").decode().splitlines()
            if not line.startswith("bench:")]
    world.write("/etc/passwd", "\n".join(
        kept + ["bench:x:%d:%d::%s:/bin/sh" % (UID, UID, home)]) + "\n")
    return single.lda(stage, home, "bench", "userdb = passwd", name="passwd")


def measure(stage):
    stage.memory.clear()
    stage.forget_users()
    made = [single.floor(stage, stage.memory.home("floor"))]
    made += subjects(stage, stage.memory)
    single.show(stage, "4 KB into a Maildir on tmpfs, by the source of users",
                single.measure(stage, made, stage.message(4 << 10),
                               600 if stage.deep else 100), 4 << 10)
