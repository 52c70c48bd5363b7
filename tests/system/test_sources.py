"""test_sources.py - users by the million, and users of a real Dovecot."""

import os
import re
import shutil
import signal
import struct
import subprocess
import time

import world
from cases import Skip, has, same, test, true
from letters import Letter
from world import mails, read, write

MILLION = 1000000


# A cdb, written from the description of the format alone.

def hash_of(key):
    value = 5381
    for octet in key:
        value = value * 33 & 0xffffffff ^ octet
    return value


def write_cdb(path, count, name, value):
    """count users: name(i) and value(i) give octets."""
    tables = [[] for _ in range(256)]
    with open(path + ".new", "wb", buffering=1 << 20) as f:
        f.write(b"\0" * 2048)
        at = 2048
        for i in range(count):
            key, rest = name(i), value(i)
            hashed = hash_of(key)
            tables[hashed & 255].append((hashed, at))
            f.write(struct.pack("<II", len(key), len(rest)) + key + rest)
            at += 8 + len(key) + len(rest)
        header = b""
        for rows in tables:
            slots = [(0, 0)] * (2 * len(rows))
            for hashed, where in rows:
                slot = (hashed >> 8) % len(slots)
                while slots[slot][1]:
                    slot = (slot + 1) % len(slots)
                slots[slot] = (hashed, where)
            header += struct.pack("<II", at, len(slots))
            f.write(b"".join(struct.pack("<II", *slot) for slot in slots))
            at += 8 * len(slots)
        f.seek(0)
        f.write(header)
    os.rename(path + ".new", path)


def name(i):
    return b"u%07d@m.invalid" % i


def value(i):
    return b"x:5000:5000::/srv/mail/m.invalid/u%07d::" % i


def home(i):
    return "/srv/mail/m.invalid/u%07d" % i


def use(userdb, *more):
    write("/etc/lda.conf", "mail_location = maildir:~/Maildir\nuserdb = %s\n"
          % userdb + "".join(line + "\n" for line in more))


def deliver(w, who, user="vmail"):
    return w.run("-d", who, user=user, stdin=Letter().octets)


def found(w, i):
    shutil.rmtree(home(i), ignore_errors=True)
    run = deliver(w, name(i).decode())
    same(run.status, 0, str(run))
    same(len(mails(home(i) + "/Maildir")), 1, "mails of %d" % i)


def cost(w, who):
    """System calls of one delivery, and octets read, with a Maildir that is
    there."""
    out = w.path("strace")
    run = w.run("-f", "-qq", "-o", out, "-u", "vmail", w.lda, "-d", who,
                program="/usr/bin/strace", stdin=Letter().octets, seconds=120)
    same(run.status, 0, str(run))
    lines = read(out).decode(errors="replace").splitlines()
    os.unlink(out)
    octets = 0
    for line in lines:
        call = re.match(r"\d+ +(?:read|readv|pread64|preadv)\(.*= (\d+)", line)
        octets += int(call[1]) if call else 0
    return len(lines), octets


def needs_strace():
    if not os.access("/usr/bin/strace", os.X_OK):
        raise Skip("no strace (package strace)")


@test()
def a_million_users_in_a_cdb_cost_as_much_as_ten(w):
    needs_strace()
    large, small = w.path("million.cdb"), w.path("ten.cdb")
    try:
        write_cdb(large, MILLION, name, value)
        write_cdb(small, 10, name, value)
        costs = {}
        for path in (small, large):
            use("cdb:" + path)
            for i in (3, 7):
                found(w, i)
                costs[path, i] = cost(w, name(i).decode())
        use("cdb:" + large)
        for i in (0, MILLION // 2, MILLION - 1):
            found(w, i)
        for who in ("u1000000@m.invalid", "nobody@m.invalid", "u0000001"):
            run = deliver(w, who)
            same(run.status, 67, who + ": " + str(run))
        for i in (3, 7):
            calls_small, octets_small = costs[small, i]
            calls, octets = costs[large, i]
            # A longer chain in a table is a read of eight octets more.
            true(calls <= calls_small * 1.1,
                 "%d system calls, with ten users %d" % (calls, calls_small))
            true(octets <= octets_small * 1.1,
                 "%d octets read, with ten users %d" % (octets, octets_small))
    finally:
        for path in (large, small):
            if os.path.exists(path):
                os.unlink(path)


@test()
def a_million_lines_of_a_users_file_are_searched(w):
    path = w.path("million")
    try:
        with open(path, "wb", buffering=1 << 20) as f:
            for i in range(MILLION):
                f.write(name(i) + b":" + value(i) + b"\n")
        use("passwd-file:" + path)
        for i in (0, MILLION // 2, MILLION - 1):
            found(w, i)
        for who in ("u1000000@m.invalid", "nobody@m.invalid"):
            run = deliver(w, who)
            same(run.status, 67, str(run))
        # Half of it is no answer.
        with open(path, "r+b") as f:
            f.truncate(os.stat(path).st_size - 20)
        run = deliver(w, "nobody@m.invalid")
        same(run.status, 75, str(run))
    finally:
        if os.path.exists(path):
            os.unlink(path)


def made_by(w, make):
    """Lookups in a cdb that a tool has made from a list of users."""
    names = ["anna@t.invalid", "otto@t.invalid"]
    for who in names:
        shutil.rmtree("/srv/mail/t.invalid", ignore_errors=True)
    source = w.path("tool")
    path = make(source, names)
    try:
        use("cdb:" + path)
        for who in names:
            run = deliver(w, who)
            same(run.status, 0, str(run))
            same(len(mails("/srv/mail/t.invalid/%s/Maildir"
                           % who.split("@")[0])), 1, who)
        same(deliver(w, "emil@t.invalid").status, 67, "a stranger")
    finally:
        for left in (source, path):
            if os.path.exists(left):
                os.unlink(left)


def rest(who):
    return "x:5000:5000::/srv/mail/t.invalid/%s::" % who.split("@")[0]


@test()
def postmap_makes_a_cdb(w):
    if not os.access("/usr/sbin/postmap", os.X_OK):
        raise Skip("no postmap (package postfix)")
    kinds = subprocess.run(["/usr/sbin/postconf", "-m"], capture_output=True,
                           text=True).stdout.split()
    if "cdb" not in kinds:
        raise Skip("this Postfix has no cdb (package postfix-cdb)")

    def make(source, names):
        write(source, "".join("%s %s\n" % (who, rest(who)) for who in names))
        subprocess.run(["/usr/sbin/postmap", "cdb:" + source], check=True)
        return source + ".cdb"
    made_by(w, make)


@test()
def tinycdb_makes_a_cdb(w):
    program = shutil.which("cdb")
    if not program:
        raise Skip("no cdb (package tinycdb)")

    def make(source, names):
        write(source, "".join("+%d,%d:%s->%s\n" % (
            len(who), len(rest(who)), who, rest(who)) for who in names) + "\n")
        subprocess.run([program, "-c", source + ".cdb", source], check=True)
        return source + ".cdb"
    made_by(w, make)


# Dovecot's auth service.

CONF = """\
base_dir = {top}/base
state_dir = {top}/state
log_path = {top}/log
protocols =
listen = 127.0.0.1
ssl = no
first_valid_uid = 100
default_login_user = dovenull
default_internal_user = dovecot
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {top}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {top}/users
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
    user = root
  }}
  unix_listener vmail-userdb {{
    mode = 0600
    user = vmail
  }}
  unix_listener auth-client {{
    mode = 0666
  }}
}}
"""

USERS = """\
anna@a.invalid:{PLAIN}x:5000:5000::/srv/mail/a.invalid/anna::
full@a.invalid:{PLAIN}x:5000:5000::/srv/mail/a.invalid/full::userdb_quota_rule=*:bytes=10
else@a.invalid:{PLAIN}x:5000:5000::/srv/mail/a.invalid/else::userdb_mail=maildir:~/Other
odd@a.invalid:{PLAIN}x:5000:5000::/srv/mail/a.invalid/odd::userdb_foo=%u\tx userdb_bar
bob@a.invalid:{PLAIN}x:5001:5001::/home/bob::
"""


class Auth:
    """A Dovecot that does nothing but to answer about users."""

    def __init__(self, w):
        self.top = w.path("auth-dovecot")
        shutil.rmtree(self.top, ignore_errors=True)
        for part in ("", "base", "state"):
            os.mkdir(os.path.join(self.top, part), 0o755)
        write(self.top + "/dovecot.conf", CONF.format(top=self.top))
        write(self.top + "/users", USERS)

    def socket(self, which):
        return "%s/base/%s" % (self.top, which)

    def __enter__(self):
        self.process = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", self.top + "/dovecot.conf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while not os.path.exists(self.socket("auth-client")) or \
                not os.path.exists(self.socket("vmail-userdb")):
            if time.monotonic() > until or self.process.poll() is not None:
                self.__exit__()
                raise AssertionError("Dovecot does not start:\n" + self.log())
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        path = self.top + "/log"
        return read(path).decode() if os.path.exists(path) else ""


# socket, who asks, for whom, exit status.
LOOKUPS = [
    ("auth-userdb", "root", "anna@a.invalid", 0),
    ("auth-userdb", "root", "anna+x@a.invalid", 0),
    ("auth-userdb", "root", "ANNA@a.invalid", 0),
    ("auth-userdb", "root", "odd@a.invalid", 0),
    ("auth-userdb", "root", "nobody@a.invalid", 67),
    ("auth-userdb", "root", "anna", 67),
    ("auth-userdb", "root", "full@a.invalid", 75),
    ("vmail-userdb", "root", "anna@a.invalid", 0),
    ("vmail-userdb", "vmail", "anna@a.invalid", 0),
    ("vmail-userdb", "vmail", "nobody@a.invalid", 67),
    # 0666: Dovecot tells only about users of the asker's uid.
    ("auth-userdb", "vmail", "anna@a.invalid", 0),
    ("auth-userdb", "bob", "bob@a.invalid", 0),
    ("auth-userdb", "bob", "anna@a.invalid", 75),
    ("auth-userdb", "vmail", "bob@a.invalid", 75),
    ("auth-userdb", "vmail", "nobody@a.invalid", 67),
    # 0600: not ours to open.
    ("vmail-userdb", "bob", "bob@a.invalid", 75),
    ("vmail-userdb", "bob", "nobody@a.invalid", 75),
    # Not this kind of socket.
    ("auth-client", "root", "anna@a.invalid", 75),
    ("auth-client", "vmail", "nobody@a.invalid", 75),
    ("auth-nothere", "root", "anna@a.invalid", 75),
]


@test("dovecot")
def Dovecot_answers_about_its_users(w):
    with Auth(w) as auth:
        wrong = []
        for socket, asker, who, want in LOOKUPS:
            shutil.rmtree("/srv/mail/a.invalid", ignore_errors=True)
            w.fresh_home("bob")
            use("dovecot-auth:" + auth.socket(socket), "first_valid_uid = 100")
            run = deliver(w, who, asker)
            if run.status != want:
                wrong.append("%s asks %s for %s: %s" % (
                    asker, socket, who, run))
            elif want == 0:
                place = "/home/bob" if who.startswith("bob") else (
                    "/srv/mail/a.invalid/" + re.sub(r"\+.*", "", who.split(
                        "@")[0].lower()))
                if len(mails(place + "/Maildir")) != 1:
                    wrong.append("%s for %s: no mail in %s" % (
                        socket, who, place))
        same(wrong, [], "what went wrong\n" + auth.log()[-2000:])


@test("dovecot")
def Dovecot_says_where_the_mail_goes(w):
    with Auth(w) as auth:
        shutil.rmtree("/srv/mail/a.invalid", ignore_errors=True)
        use("dovecot-auth:" + auth.socket("vmail-userdb"))
        run = deliver(w, "else@a.invalid")
        same(run.status, 0, str(run))
        same(len(mails("/srv/mail/a.invalid/else/Other")), 1, "mails")
        run = deliver(w, "full@a.invalid")
        same(run.status, 75, str(run))
        has(run.out.decode(), r"^4\.2\.2 ")


@test("dovecot")
def names_that_would_break_the_protocol(w):
    """None of them is anybody, and the server answers on."""
    with Auth(w) as auth:
        use("dovecot-auth:" + auth.socket("vmail-userdb"))
        for who in ("a\tb", "a\nUSER\t2\tanna@a.invalid", "a\001t", "x" * 700,
                    "*", "%u", "anna@a.invalid\r", "\u00e4@a.invalid"):
            run = deliver(w, who)
            true(run.status in (67, 75), "%r: %s" % (who, run))
            true(run.status == 67 or len(who) > 500 or "\u00e4" in who,
                 "%r is doubtful: %s" % (who, run))
        shutil.rmtree("/srv/mail/a.invalid", ignore_errors=True)
        run = deliver(w, "anna@a.invalid")
        same(run.status, 0, str(run))
