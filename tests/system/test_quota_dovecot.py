"""test_quota_dovecot.py - folders and quota shared with a real Dovecot 2.3
that has quota=maildir on the same Maildirs.

The Dovecot of these tests is one more, beside the runner's: with the quota
plugin, and ended with the test.
"""

import base64
import imaplib
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import world
from cases import has, same, test, true
from letters import Letter, saved, sent
from world import debris, mails, make_maildir, read, write

PORT = 1143
PASSWORD = "secret"
NAME = "quota@q.invalid"
HOME = "/srv/mail/q.invalid/quota"
MAILDIR = HOME + "/Maildir"

CONF = """\
base_dir = {top}/base
state_dir = {top}/state
log_path = {top}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
first_valid_uid = 100
mail_location = {location}
mail_plugins = quota
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
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
plugin {{
  quota = maildir:User quota
{rules}
}}
"""


class Server:
    """A Dovecot with these quota rules, a list of values."""

    def __init__(self, w, rules, location="maildir:~/Maildir"):
        self.w = w
        self.top = w.path("quota-dovecot")
        shutil.rmtree(self.top, ignore_errors=True)
        for name in ("", "base", "state"):
            os.mkdir(os.path.join(self.top, name), 0o755)
        self.conf = os.path.join(self.top, "dovecot.conf")
        self.port = PORT if w.private_net else world.free_port()
        numbered = ["  quota_rule%s = %s" % (i + 1 if i else "", rule)
                    for i, rule in enumerate(rules)]
        write(self.conf, CONF.format(
            top=self.top, port=self.port, location=location,
            rules="\n".join(numbered)))
        write(os.path.join(self.top, "users"),
              "%s:{PLAIN}%s:5000:5000::%s::\n" % (NAME, PASSWORD, HOME))

    def __enter__(self):
        self.process = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", self.conf],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while True:
            try:
                self.login().logout()
                return self
            except OSError:
                if time.monotonic() > until:
                    self.__exit__()
                    raise AssertionError(
                        "Dovecot does not start:\n" + self.log())
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self):
        path = os.path.join(self.top, "log")
        return read(path).decode() if os.path.exists(path) else ""

    def login(self):
        imap = imaplib.IMAP4("127.0.0.1", self.port, timeout=30)
        imap.login(NAME, PASSWORD)
        return imap

    def doveadm(self, *args):
        done = subprocess.run(
            ["/usr/bin/doveadm", "-c", self.conf, *args],
            capture_output=True, text=True, timeout=60)
        same(done.returncode, 0, "doveadm %s: %s" % (args, done.stderr))
        return done.stdout

    def recalc(self):
        self.doveadm("quota", "recalc", "-u", NAME)

    def usage(self):
        """Kilobytes (rounded as Dovecot does) and messages."""
        text = self.doveadm("-f", "tab", "quota", "get", "-u", NAME)
        rows = {row.split("\t")[1]: int(row.split("\t")[2])
                for row in text.splitlines()[1:]}
        return rows["STORAGE"], rows["MESSAGE"]


def configure(w, *more):
    write("/etc/lda.conf",
          world.LDA_CONF + "".join(line + "\n" for line in more))
    w.users_file(NAME)
    w.make_home(NAME)
    make_maildir(MAILDIR, 5000)


def rules_of(rules):
    return ["quota_rule%s = %s" % (i + 1 if i else "", rule)
            for i, rule in enumerate(rules)]


def deliver(w, octets, *args, want=0):
    run = w.run("-d", NAME, *args, user="vmail", stdin=octets)
    same(run.status, want, str(run))
    return run


def truth(leave_out=()):
    """Octets and messages in the Maildir, from the files themselves."""
    octets = messages = 0
    for folder in [""] + [name for name in os.listdir(MAILDIR)
                          if name.startswith(".")]:
        if folder in leave_out:
            continue
        for path in mails(os.path.join(MAILDIR, folder)):
            octets += os.stat(path).st_size
            messages += 1
    return octets, messages


def recorded():
    """The first line of maildirsize, and the sum of the others."""
    try:
        lines = read(MAILDIR + "/maildirsize").decode().splitlines()
    except FileNotFoundError:
        return None, None
    pairs = [tuple(int(n) for n in line.split()) for line in lines[1:]]
    return lines[0], (sum(p[0] for p in pairs), sum(p[1] for p in pairs))


def limits(header):
    """What a first line allows; 0 is no limit, and need not be said."""
    found = {part[-1]: int(part[:-1]) for part in header.split(",")}
    return {letter: number for letter, number in found.items() if number}


def settle():
    """After this a count of the directories is sure, here and in Dovecot,
    which looks at whole seconds."""
    time.sleep(1.1)


# Quota.

DELIVERERS = 4
EACH = 100
MOST_SECONDS = 40


def busy_reader(server, until, wrong):
    """Moves some mails to Work and Trash, deletes others, until told."""
    try:
        imap = server.login()
        for folder in ("Work", "Trash"):
            imap.create(folder)
        turn = 0
        while not until.is_set():
            imap.select("INBOX")
            found = imap.uid("SEARCH", "ALL")[1][0].split()
            # Two of us do this: by UID, so that a mail that is gone already
            # is nobody else's.
            for uid in found[:6]:
                turn += 1
                if turn % 3:
                    imap.uid("COPY", uid, "Work" if turn % 3 == 1 else "Trash")
                imap.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")
            imap.expunge()
            imap.select("Trash")
            found = imap.uid("SEARCH", "ALL")[1][0].split()
            if turn % 5 == 0 and found:
                imap.uid("STORE", found[0], "+FLAGS.SILENT", r"(\Deleted)")
                imap.expunge()
        imap.logout()
    except Exception as error:
        wrong.append(repr(error))


def deliver_many(w, number, wrong):
    for i in range(EACH):
        folder = ["-m", "Work"] if i % 10 == 9 else []
        process = subprocess.Popen(
            [w.lda, "-d", NAME, *folder], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
            env={"PATH": "/usr/bin:/bin"}, user=5000, group=5000,
            extra_groups=[], umask=0o077)
        out, _ = process.communicate(
            b"Subject: %d.%d\n\n" % (number, i) + b"x" * (i * 37 % 3000)
            + b"\n", timeout=30)
        if process.returncode != 0:
            wrong.append("delivery: %d %r" % (process.returncode, out))
            return


@test("dovecot")
def Dovecot_and_lda_agree_on_what_is_used(w):
    rules = ["*:storage=500M:messages=100000"]
    configure(w, *rules_of(rules), "lda_mailbox_autocreate = yes")
    with Server(w, rules) as server:
        deliver(w, Letter().octets)
        settle()
        wrong, stop = [], threading.Event()
        readers = [threading.Thread(target=busy_reader,
                                    args=(server, stop, wrong))
                   for _ in range(2)]
        writers = [threading.Thread(target=deliver_many,
                                    args=(w, number, wrong))
                   for number in range(DELIVERERS)]
        for thread in readers + writers:
            thread.start()
        began = time.monotonic()
        for thread in writers:
            thread.join(max(1, MOST_SECONDS - (time.monotonic() - began)))
        stop.set()
        for thread in readers:
            thread.join(30)
        true(not any(t.is_alive() for t in readers + writers),
             "something hangs")
        same(wrong, [], "what went wrong")
        true(truth()[1] > 50, "too few mails are left: %d" % truth()[1])
        # Before a recalculation: at most what was in flight.
        header, total = recorded()
        if total is not None:
            off = abs(total[1] - truth()[1])
            true(off <= DELIVERERS,
                 "maildirsize is off by %d messages: %s, not %s"
                 % (off, total, truth()))
        settle()
        server.recalc()
        deliver(w, Letter().octets)
        header, total = recorded()
        same(total, truth(), "after the recalculation, header %s" % header)
        kilobytes, messages = server.usage()
        same(messages, truth()[1], "messages as Dovecot has it")
        same(kilobytes, -(-truth()[0] // 1024), "kilobytes as Dovecot has it")
        same(debris(MAILDIR), [], "tmp/")


@test("dovecot")
def both_write_the_same_maildirsize(w):
    """Or each would throw the other's away at every turn."""
    for rules in (["*:messages=50"], ["*:bytes=123456:messages=7"],
                  ["*:storage=100M", "Trash:storage=+10%", "Spam:ignore"]):
        shutil.rmtree(HOME, ignore_errors=True)
        configure(w, *rules_of(rules), "lda_mailbox_autocreate = yes")
        for folder in (), ("-m", "Trash"), ("-m", "Spam"), ("-m", "a/b"):
            deliver(w, Letter().octets, *folder)
        settle()
        if os.path.exists(MAILDIR + "/maildirsize"):
            os.unlink(MAILDIR + "/maildirsize")
        deliver(w, Letter().octets)
        ours = recorded()
        settle()
        with Server(w, rules) as server:
            server.recalc()
            theirs = recorded()
        same((limits(ours[0]), ours[1]), (limits(theirs[0]), theirs[1]),
             "with %s" % rules)
        entry = os.stat(MAILDIR + "/maildirsize")
        same((entry.st_uid, entry.st_gid), (5000, 5000), "owner")


@test("dovecot")
def a_full_user_makes_room_by_IMAP(w):
    rules = ["*:bytes=10000"]
    configure(w, *rules_of(rules), "quota_grace = 0")
    mail = b"Subject: x\n\n" + b"x" * 987 + b"\n"
    with Server(w, rules) as server:
        for _ in range(10):
            deliver(w, mail)
        run = deliver(w, mail, want=75)
        has(run.out.decode(), r"^4\.2\.2 ")
        same(debris(MAILDIR), [], "tmp/")
        same(truth(), (10000, 10), "what is there")
        # Dovecot refuses as well: it sees what we see.
        imap = server.login()
        answer = imap.append("INBOX", None, None, mail)
        same(answer[0], "NO", "APPEND when full: %r" % (answer,))
        imap.select("INBOX")
        imap.store("1", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        imap.logout()
        deliver(w, mail)
        same(truth(), (10000, 10), "what is there")
        deliver(w, mail, want=75)
        same(server.usage()[1], 10, "messages as Dovecot has it")


# Folders.

NAMES = ["Work", "Work/Sub", "a/b/c", "with blank", "b\u00e4r", "a&b", "100%",
         "x*y", "INBOX/inside", "d-e_f", "\u65e5\u672c/\U0001f4e7", "~middle",
         "Sub/~x", "q'uote"]


def quoted(name):
    return '"%s"' % name.replace("\\", "\\\\").replace('"', '\\"')


def listed(imap, command):
    """Names of LIST or LSUB that can be opened."""
    kind, answer = getattr(imap, command)('""', '"*"')
    same(kind, "OK", command)
    found = set()
    for row in answer:
        if row is None:
            continue
        if isinstance(row, tuple):    # a literal
            row = row[0].rsplit(b"{", 1)[0] + b'"' + row[1] + b'"'
        flags, name = re.match(rb'\((.*?)\) "/" "?(.*?)"?$', row).groups()
        if not re.search(rb"(?i)\\(noselect|nonexistent)", flags):
            found.add(name.decode())
    return found


def on_the_wire(name):
    """Modified UTF-7, as IMAP has names."""
    out, run = "", ""
    for c in name + "\0":
        if c == "\0" or 0x20 <= ord(c) < 0x7f:
            if run:
                code = base64.b64encode(run.encode("utf-16-be")).decode()
                out += "&" + code.rstrip("=").replace("/", ",") + "-"
                run = ""
            out += "" if c == "\0" else "&-" if c == "&" else c
        else:
            run += c
    return out


@test("dovecot")
def IMAP_sees_exactly_the_folders_that_were_made(w):
    configure(w, "lda_mailbox_autocreate = yes",
              "lda_mailbox_autosubscribe = yes")
    made = set()
    for name in NAMES:
        run = deliver(w, Letter().octets, "-m", name)
        if "saved mail to INBOX" not in run.log:
            made.add(on_the_wire(name.removeprefix("INBOX/")))
    true(len(made) >= len(NAMES) - 2, "made: %s" % made)
    for refused in ("../x", "a//b", "~x", "/abs", "x/"):
        deliver(w, Letter().octets, "-m", refused)
    with Server(w, []) as server:
        imap = server.login()
        same(listed(imap, "list"), made | {"INBOX"}, "LIST")
        same(listed(imap, "lsub"), made, "LSUB")
        for name in made:
            kind, count = imap.select(quoted(name), readonly=True)
            same((kind, count), ("OK", [b"1"]), "SELECT " + name)
        imap.logout()
        lacks_errors(server)


def lacks_errors(server):
    wrong = [line for line in server.log().splitlines()
             if re.search(r"(Error|Panic|Fatal):", line)]
    same(wrong, [], "what Dovecot complains of")


@test("dovecot")
def subscriptions_of_both_are_kept_when_both_write(w):
    configure(w, "detail_folder = create", "lda_mailbox_autosubscribe = yes")
    wrong = []
    with Server(w, []) as server:
        imap = server.login()
        for i in range(40):
            imap.create("theirs%d" % i)

        def subscribe():
            try:
                for i in range(40):
                    same(imap.subscribe("theirs%d" % i)[0], "OK", "SUBSCRIBE")
                    if i % 4 == 3:
                        same(imap.unsubscribe("theirs%d" % i)[0], "OK",
                             "UNSUBSCRIBE")
            except Exception as error:
                wrong.append(repr(error))

        def make(number):
            for i in range(12):
                run = subprocess.run(
                    [w.lda, "-d", NAME, "-a",
                     "quota+ours%d-%d@q.invalid" % (number, i)],
                    input=b"Subject: x\n\n", user=5000, group=5000,
                    extra_groups=[], env={}, cwd="/", capture_output=True,
                    timeout=30)
                if run.returncode:
                    wrong.append("lda: %r" % run)
        threads = [threading.Thread(target=subscribe)] + [
            threading.Thread(target=make, args=(n,)) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        same(wrong, [], "what went wrong")
        ours = {"ours%d-%d" % (n, i) for n in range(2) for i in range(12)}
        theirs = {"theirs%d" % i for i in range(40) if i % 4 != 3}
        text = read(MAILDIR + "/subscriptions").decode()
        same(set(text.splitlines()[2:]), ours | theirs, "the file")
        same(text[:5], "V\t2\n\n", "its begin")
        same(listed(imap, "lsub") - theirs, ours, "LSUB")
        imap.logout()
        # A connection that has made folders itself lists those it knows; the
        # next one looks.
        imap = server.login()
        same(listed(imap, "list"),
             ours | {"INBOX"} | {"theirs%d" % i for i in range(40)}, "LIST")
        imap.logout()
        lacks_errors(server)
    same([name for name in os.listdir(MAILDIR) if "lock" in name], [],
         "locks left")


# Dovecot's manual, with the name replaced ("Dovecot LDA with Postfix").

@test("postfix")
def mailbox_command_of_the_manual(w):
    """mailbox_command = lda -f "$SENDER" -a "$RECIPIENT"."""
    home = w.fresh_home("bob")
    write("/etc/lda.conf", world.LDA_CONF + "detail_folder = existing\n")
    make_maildir(home + "/Maildir/.work", 5001)
    letter = Letter()
    mark = w.sink.mark()
    _, result = w.postfix.deliver(
        "sender@letters.invalid", "bob+work@shell.invalid", letter.octets)
    same(result.status, "sent", str(result))
    same(len(mails(home + "/Maildir/.work")), 1, "mails in work")
    same(mails(home + "/Maildir"), [], "mails in INBOX")
    saved(w.sink.lda(mark), "bob", letter, "work",
          **{"from": "<sender@letters.invalid>",
             "orig_to": "<bob+work@shell.invalid>"})


@test("postfix")
def extension_of_pipe_with_autocreate(w):
    """-d ${user}@${nexthop} -m ${extension}."""
    to = "alice@ext.invalid"
    w.users_file(to)
    maildir = w.home_of(to) + "/Maildir"
    write("/etc/lda.conf", world.LDA_CONF + "lda_mailbox_autocreate = yes\n"
          "lda_mailbox_autosubscribe = yes\n")
    for recipient, folder in (("alice+Work@ext.invalid", ".work"),
                              ("alice+a.b@ext.invalid", ".a.b"),
                              ("alice@ext.invalid", "")):
        _, result = w.postfix.deliver(
            "sender@letters.invalid", recipient, Letter().octets)
        sent(result, "ext")
        # pipe(8) folds the case of ${extension} with flag u only.
        found = [f for f in os.listdir(maildir) + [""]
                 if f.lower() == folder and mails(maildir, f)]
        same(len(found), 1, "folders like %r" % folder)


def with_prefix_service(w):
    """One more pipe service, -m INBOX/${extension}; Postfix reads its files
    again."""
    fix = w.postfix
    master = os.path.join(fix.etc, "master.cf")
    transport = os.path.join(fix.etc, "transport")
    if b"prefix.invalid" in read(transport):
        return
    write(master, read(master).decode() + (
        "prefix unix - n n - 20 pipe flags=DRhu user=vmail argv=%s "
        "-f ${sender} -a ${original_recipient} -d ${user}@${nexthop} "
        "-m INBOX/${extension}\n" % w.lda))
    write(transport, read(transport).decode() + "prefix.invalid prefix:\n")
    main = os.path.join(fix.etc, "main.cf")
    text = read(main).decode()
    text = re.sub(r"(?m)^(virtual_mailbox_domains = .*)$",
                  r"\1 prefix.invalid", text)
    write(main, text + "prefix_destination_recipient_limit = 1\n")
    mark = w.sink.mark()
    done = fix.command("/usr/sbin/postfix", "reload")
    same(done.returncode, 0, "postfix reload: " + done.stderr)
    true(w.sink.wait(lambda line: line.text.startswith("reload --"),
                     mark, 15), "Postfix does not reload")
    # The processes of before are gone a little later.
    until = time.monotonic() + 15
    while time.monotonic() < until:
        try:
            w.postfix.deliver("sender@letters.invalid",
                              "nobody@prefix.invalid", Letter().octets)
            return
        except AssertionError:
            time.sleep(0.1)
    raise AssertionError("Postfix does not know prefix.invalid")


@test("postfix")
def INBOX_prefix_before_the_extension(w):
    """-m INBOX/${extension}: with no extension the prefix alone is INBOX; the
    original address is told."""
    with_prefix_service(w)
    to = "alice@prefix.invalid"
    w.users_file(to)
    maildir = os.path.join(w.make_home(to), "Maildir")
    make_maildir(maildir, 5000)
    make_maildir(maildir + "/.work", 5000)
    for recipient, folder, name in (
            ("alice+work@prefix.invalid", ".work", "work"),
            ("alice@prefix.invalid", "", "INBOX"),
            ("alice+nothere@prefix.invalid", "", "INBOX")):
        letter = Letter()
        before = len(mails(maildir, folder))
        mark = w.sink.mark()
        _, result = w.postfix.deliver(
            "sender@letters.invalid", recipient, letter.octets)
        sent(result, "prefix")
        same(len(mails(maildir, folder)), before + 1, "mails in " + name)
        saved(w.sink.lda(mark), to, letter, name,
              orig_to="<%s>" % recipient)
    same(sorted(n for n in os.listdir(maildir) if n.startswith(".")),
         [".work"], "folders")
