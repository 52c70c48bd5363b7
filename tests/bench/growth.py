"""growth.py - whether a delivery notices how much there is already: mails in
a folder, octets in an mbox, users in a database.  All of one kind run by turns
in one run; the ratio is to the smallest."""

import os

import single
import sources
import world
from stage import DOMAIN, UID


def folder(stage, count):
    name = "folder-%d" % count
    home = stage.memory.home(name)
    single.fill(os.path.join(home, "Maildir/cur"), count // 2)
    single.fill(os.path.join(home, "Maildir/new"), count - count // 2)
    one = single.lda(stage, home, stage.add_user(name, home), name=name)
    one.keeps = True    # feed.c would look at all of them after each
    return one


def mbox(stage, octets):
    name = "mbox-%d" % octets
    home = stage.memory.home(name)
    path = os.path.join(home, "mbox")
    mail = b"From a@b Mon Jan  5 10:00:00 2026\n" + world.read(
        stage.message(64 << 10)) + b"\n"
    with open(path, "wb") as f:
        for _ in range(octets // len(mail)):
            f.write(mail)
    os.chown(path, UID, UID)
    os.chmod(path, 0o600)
    return single.lda(stage, home, stage.add_user(name, home),
                      "mail_location = mbox:~/mail:INBOX=~/mbox", name=name,
                      quota=False, box="mbox")


def users(stage, count, kind):
    """count users, ours in the middle."""
    name = "%s-%d" % (kind, count)
    home = stage.memory.home(name)
    user = "%s@%s" % (name, DOMAIN)
    path = stage.path("users-" + name)
    rest = ":%d:%d::%s::"

    def all_users():
        for i in range(count - 1):
            if i == count // 2:
                yield user, rest % (UID, UID, home)
            yield ("user%07d@%s" % (i, DOMAIN),
                   rest % (UID, UID, "/srv/mail/user%07d" % i))
        if count < 3:
            yield user, rest % (UID, UID, home)
    if kind == "cdb":
        sources.cdb(path, all_users())
    else:
        with open(path, "w") as f:
            for one, line in all_users():
                f.write("%s:%s\n" % (one, line))
    return single.lda(stage, home, user, "userdb = %s:%s" % (kind, path),
                      name=name)


def compare(stage, title, sizes, make, octets=4 << 10, judged=True):
    """Times at each size; as (size, ratio to the smallest) for the plot."""
    subjects = [make(size) for size in sizes]
    found = single.measure(stage, subjects, stage.message(octets),
                           800 if stage.deep else 120)
    base = next(iter(found.values()))
    rows = []
    for size, (name, got) in zip(sizes, found.items()):
        rows.append([name, "%.3f" % (got["median"] / 1000),
                     "%.3f" % (got["p99"] / 1000),
                     single.ratio(got["median"], base["median"]),
                     got["calls"], got["peak"]])
    stage.results.table(title, [
        "lda", "ms", "p99", "x smallest", "calls", "peak KiB"], rows)
    if judged:
        names = list(found)
        stage.results.note("")
        stage.results.verdict(
            "%s, %d to %d" % (title, sizes[0], sizes[-1]),
            single.quotient(found, names[-1], names[0])
            if len(names) == len(sizes) else None, 1.1, at_least=False)
    stage.memory.clear()
    return [(max(size, 1), got["median"] / base["median"])
            for size, got in zip(sizes, found.values())]


def measure(stage):
    stage.memory.clear()
    stage.forget_users()
    deep = stage.deep
    curves = {
        "mails in the folder": compare(
            stage, "Growth: mails in the folder (Maildir, tmpfs)",
            [0, 100, 10000, 100000], lambda n: folder(stage, n)),
        "KB in the mbox": [(x / 1024 + 1, y) for x, y in compare(
            stage, "Growth: octets in the mbox (tmpfs)",
            [0, 1 << 20, 100 << 20] + ([1 << 30] if deep else []),
            lambda n: mbox(stage, n))],
        "users, by cdb": compare(
            stage, "Growth: users in a cdb",
            [10, 1000, 100000] + ([1000000] if deep else []),
            lambda n: users(stage, n, "cdb")),
        "users, by passwd-file": compare(
            stage, "Reported apart: users in a passwd-file, ours in the "
            "middle", [10, 1000, 10000, 100000],
            lambda n: users(stage, n, "passwd-file"), judged=False),
    }
    stage.results.draw(
        "growth", title="One delivery of 4 KB, by what there is already",
        x="how much of it", y="times the smallest (median)", curves=curves)
