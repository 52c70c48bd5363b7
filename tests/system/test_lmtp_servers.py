"""test_lmtp_servers.py - the wirings of packaging/postfix with Dovecot's and
Cyrus's LMTP servers in the place of ours.

Each test is run with all three.  main.cf is what we ship, as it stands; the
server behind private/lda-lmtp changes.  So whatever Postfix relies on, and
whatever a site is used to, is the same with lda-lmtp.
"""

import os
import re
import shutil
import signal
import subprocess
import time

import cyrus
import world
from cases import Skip, has, same, test, true
from letters import Letter
from wiring import Inetd, Wiring, text_of, users
from world import mails, make_maildir, read, write

LMTP = "/usr/local/sbin/lda-lmtp"
SENDER = "sender@letters.invalid"

DOVECOT_CONF = """\
base_dir = {top}/base
state_dir = {top}/state
log_path = syslog
protocols = lmtp
ssl = no
first_valid_uid = 100
mail_location = maildir:~/Maildir
mail_plugins = quota
default_login_user = dovenull
default_internal_user = dovecot
recipient_delimiter = +
auth_username_format = {username}
lmtp_save_to_detail_mailbox = yes
quota_full_tempfail = yes
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = passwd-file
  args = username_format=%u /etc/lda.users
}}
userdb {{
  driver = passwd
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
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
}}
"""


# The three servers.  at: where they listen, None for "in master.cf".  mails:
# contents of a user's mailbox.

class Ours:
    """Under spawn(8) as the snippet says; for system users as root."""

    name = "lda-lmtp"
    at = None

    def __init__(self, w, as_root, names):
        self.names = names
        self.inetd = None
        if as_root:
            self.at = w.path("lmtp.socket")
            self.inetd = Inetd(self.at, LMTP)

    def __enter__(self):
        if self.inetd:
            self.inetd.__enter__()
        return self

    def __exit__(self, *_):
        if self.inetd:
            self.inetd.__exit__()

    def mails(self, user, *folder):
        return [read(path) for path in mails(
            home(user) + "/Maildir", *["." + part for part in folder])]

    @staticmethod
    def why_not():
        return None


class Dovecot(Ours):
    name = "Dovecot"
    more = ""       # settings of a test's own

    def __init__(self, w, as_root, names):
        self.w = w
        self.names = names
        self.top = w.path("dovecot-lmtp")
        shutil.rmtree(self.top, ignore_errors=True)
        for name in ("", "base", "state"):
            os.mkdir(os.path.join(self.top, name), 0o755)
        self.at = self.top + "/base/lmtp"

    @staticmethod
    def why_not():
        if os.access("/usr/lib/dovecot/lmtp", os.X_OK):
            return None
        return "no /usr/lib/dovecot/lmtp (package dovecot-lmtpd)"

    def __enter__(self):
        # Its names are those of the lda.conf that it replaces.
        found = re.search(r"(?m)^auth_username_format = (\S+)",
                          read("/etc/lda.conf").decode())
        bare = found or "userdb = passwd\n" in read("/etc/lda.conf").decode()
        write(self.top + "/conf", DOVECOT_CONF.format(
            top=self.top, username="%Ln" if bare else "%Lu") + self.more)
        mark = self.w.sink.mark()
        self.process = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", self.top + "/conf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        true(self.w.sink.wait(lambda line: "starting up for lmtp" in line.text,
                              mark), "Dovecot does not start")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Cyrus(cyrus.Cyrus):
    name = "Cyrus"
    why_not = staticmethod(cyrus.why_not)

    def __init__(self, w, as_root, names):
        super().__init__(w, *names)
        self.at = self.lmtp


SERVERS = [Ours, Dovecot, Cyrus]


def with_each_server(*needs):
    """Lists the test once for each server."""
    def keep(function):
        for server in SERVERS:
            def run(w, server=server):
                if server.why_not():
                    raise Skip(server.why_not())
                function(w, server)
            run.__name__ = "%s with %s" % (function.__name__, server.name)
            run.__module__ = function.__module__
            test(*needs)(run)
        return function
    return keep


def home(user):
    local, _, domain = user.partition("@")
    if domain:
        return "/srv/mail/%s/%s" % (domain, local)
    return ("/home/" if local in ("alice", "carol") else "/srv/mail/") + local


class Wired:
    """A wiring with a server in its place, and these users in it."""

    def __init__(self, w, server, *names, people=(), main="", as_root=False):
        self.w = w
        for person in people:
            if home(person).startswith("/srv"):
                shutil.rmtree(home(person), ignore_errors=True)
        users(*["%s::5000:5000::%s::" % (person, home(person))
                for person in people if home(person).startswith("/srv")])
        write("/etc/lda.conf", "".join(text_of(n, "lda.conf") for n in names))
        self.server = server(w, as_root, people)
        drop = () if self.server.at is None else self._spawned(names)
        self.postfix = Wiring(w, *names, main=main, changes=drop)

    @staticmethod
    def _spawned(names):
        """lda-lmtp's service: its place is the other server's."""
        text = "".join(text_of(name, "master.cf") for name in names)
        return [(found[0], "") for found in re.finditer(
            r"(?m)^lda-lmtp .*\n(?:[ \t].*\n)*", text)]

    def __enter__(self):
        self.server.__enter__()
        try:
            self.postfix.start()
        except BaseException:
            self.server.__exit__(None, None, None)
            raise
        if self.server.at:
            os.symlink(self.server.at,
                       self.postfix.top + "/spool/private/lda-lmtp")
        return self

    def __exit__(self, *_):
        self.postfix.stop()
        self.server.__exit__(None, None, None)

    def deliver(self, *recipients, letter=None, sender=SENDER):
        """Sends one letter; the letter, and a result for each."""
        letter = letter or Letter()
        mark = self.w.sink.mark()
        queue_id = self.postfix.send(sender, recipients, letter.octets)
        return letter, [self.postfix.result(queue_id, one, mark)
                        for one in recipients]

    def only(self, user, letter, *folder):
        """The one mail of a user: this letter below what was put on top."""
        found = self.server.mails(user, *folder)
        same(len(found), 1, "mails of %s %s" % (user, "/".join(folder)))
        at = found[0].find(letter.octets)
        true(found[0].endswith(letter.octets) and at > 0,
             "another letter: %r" % found[0][-300:])
        top = found[0][:at]
        has(top.decode("latin-1"), r"\AReturn-Path: <",
            r"\nReceived: from mx\.invalid\b(?:[^\n]*\n[ \t])*?[^\n]*"
            r"\bLMTPA?\b")
        same(len(re.findall(rb"(?m)^Return-Path:", top)), 1, "Return-Path")
        return top


def through_lmtp(result, dsn="2", status="sent"):
    has(result.relay, r"\[private/lda-lmtp\]")
    true(result.dsn.startswith(dsn) and result.status == status, str(result))


def an_ordinary_letter():
    """Nothing in it that any of the three changes: no NUL, no lone CR."""
    return Letter(b".\n..\n.x\nFrom me\n" + bytes(range(128, 256)) + b"\n"
                  + b"x" * 5000 + b"\n\n" + b"line\n" * 20000,
                  more=b"X-Eight: gr\xfc\xdfe\n")


ANN, BEN = "ann@example.com", "ben@example.com"
# smtpd lets them pass, so that the server is asked.
UNKNOWN_PASS = "virtual_mailbox_maps = static:all\n"


@with_each_server("postfix")
def virtual_transport(w, server):
    with Wired(w, server, "virtual-lmtp", people=[ANN, BEN],
               main=UNKNOWN_PASS) as wired:
        letter, results = wired.deliver(ANN, "no@example.com", BEN,
                                        letter=an_ordinary_letter())
        for result in (results[0], results[2]):
            through_lmtp(result)
            has(result.text, r"^250 2\.")
        through_lmtp(results[1], "5.1.1", "bounced")
        has(results[1].text, r" said: 550[ -].*RCPT TO command")
        for user in (ANN, BEN):
            has(wired.only(user, letter).decode("latin-1"),
                r"\AReturn-Path: <%s>\n" % re.escape(SENDER))


@with_each_server("postfix")
def virtual_transport_and_the_null_sender(w, server):
    with Wired(w, server, "virtual-lmtp", people=[ANN],
               main=UNKNOWN_PASS) as wired:
        letter, results = wired.deliver(ANN, sender="")
        through_lmtp(results[0])
        has(wired.only(ANN, letter).decode(), r"\AReturn-Path: <>\n")
        # Capitals are the same user, and a detail is no other.
        for name in ("ANN@Example.COM", "ann+nofolder@example.com"):
            through_lmtp(wired.deliver(name)[1][0])
        same(len(wired.server.mails(ANN)), 3, "mails")


@with_each_server("postfix")
def virtual_transport_over_one_connection(w, server):
    with Wired(w, server, "virtual-lmtp", people=[ANN], main=UNKNOWN_PASS
               + "lmtp_destination_concurrency_limit = 1\n"
               "lmtp_connection_cache_destinations = "
               "unix:private/lda-lmtp\n") as wired:
        mark = w.sink.mark()
        queued = [wired.postfix.send(SENDER, ANN, Letter().octets)
                  for _ in range(20)]
        again = 0
        for queue_id in queued:
            result = wired.postfix.result(queue_id, since=mark)
            through_lmtp(result)
            again += " conn_use=" in result.line.text
        true(again >= 10, "%d of 20 over a used connection" % again)
        same(len(wired.server.mails(ANN)), 20, "mails")


@with_each_server("postfix")
def probes(w, server):
    with Wired(w, server, "virtual-lmtp-probe", people=[ANN]) as wired:
        has(wired.postfix.rcpt(ANN), r"^250 ")
        has(wired.postfix.rcpt("no@example.com"),
            r"^550 5\.1\.1 .*undeliverable address")
        same(wired.server.mails(ANN), [], "mails after a probe")


@with_each_server("postfix")
def mailbox_transport(w, server):
    """Aliases are local(8)'s; who is delivered to is a user of the system."""
    w.fresh_home("alice")
    with Wired(w, server, "mailbox-transport", people=["alice"],
               as_root=True) as wired:
        write(wired.postfix.etc + "/aliases", "info: alice\n")
        for name in ("alice@mx.invalid", "alice+x@mx.invalid"):
            letter, results = wired.deliver(name)
            through_lmtp(results[0])
        same(len(wired.server.mails("alice")), 2, "mails")
        has(wired.postfix.rcpt("unknown@mx.invalid"), r"^550 5\.1\.1 ")
    if server is not Cyrus:
        for path in mails("/home/alice/Maildir"):
            facts = os.stat(path)
            same((facts.st_uid, facts.st_gid, facts.st_mode & 0o777),
                 (5002, 5002, 0o600), "owner and mode")


@with_each_server("postfix")
def local_transport(w, server):
    with Wired(w, server, "local-transport", people=["lena"]) as wired:
        letter, results = wired.deliver("lena@mx.invalid")
        through_lmtp(results[0])
        wired.only("lena", letter)
        # alice has an account, which means nothing here.
        has(wired.postfix.rcpt("alice@mx.invalid"), r"^550 5\.1\.1 ")


@with_each_server("postfix")
def fallback_transport(w, server):
    w.fresh_home("alice")
    with Wired(w, server, "fallback-transport", people=["lena"],
               main="home_mailbox = Maildir/\n") as wired:
        letter, results = wired.deliver("lena@mx.invalid", "alice@mx.invalid")
        through_lmtp(results[0])
        wired.only("lena", letter)
        same((results[1].relay, results[1].status), ("local", "sent"),
             str(results[1]))
        same(len(mails("/home/alice/Maildir")), 1, "alice's mails")
        has(wired.postfix.rcpt("unknown@mx.invalid"), r"^550 5\.1\.1 ")


@with_each_server("postfix")
def a_server_that_is_away_for_a_while(w, server):
    """Deferred, and delivered when it is there again."""
    with Wired(w, server, "virtual-lmtp", people=[ANN],
               main=UNKNOWN_PASS) as wired:
        place = wired.postfix.top + "/spool/private/lda-lmtp"
        os.rename(place, place + ".away")
        letter = Letter()
        queue_id = wired.postfix.send(SENDER, ANN, letter.octets)
        result = wired.postfix.result(queue_id)
        same((result.dsn, result.status), ("4.4.1", "deferred"), str(result))
        os.rename(place + ".away", place)
        through_lmtp(wired.postfix.retry(queue_id, ["sent"]))
        wired.only(ANN, letter)


# What the two that deliver into Maildirs must do alike.

@test("postfix")
def details_and_quotas_are_those_of_Dovecot(w):
    if Dovecot.why_not():
        raise Skip(Dovecot.why_not())
    seen = {}
    for server in (Ours, Dovecot):
        with Wired(w, server, "virtual-lmtp", people=[ANN],
                   main=UNKNOWN_PASS) as wired:
            users("%s::5000:5000::%s::" % (ANN, home(ANN)),
                  "%s::5000:5000::%s::userdb_quota_rule=*:bytes=100"
                  % (BEN, home(BEN)))
            w.make_home(ANN)
            for box in ("/Maildir", "/Maildir/.work", "/Maildir/.a.b"):
                make_maildir(home(ANN) + box, 5000)
            rows = []
            # Not a.b: with Dovecot that depends on its separator.
            for name in ("ann+work", "ann+Work", "ann+a/b", "ann+", "ann+none",
                         "ann+..", "ann+INBOX", "ben"):
                _, result = wired.postfix.deliver(
                    SENDER, name + "@example.com", Letter().octets)
                rows.append((name, result.status, result.dsn))
            boxes = {box: len(mails(home(ANN) + "/Maildir", box))
                     for box in ("", ".work", ".a.b")}
            seen[server.name] = rows, boxes
            same(result.dsn, "4.2.2", "a full mailbox: %s" % result)
    same(seen["lda-lmtp"], seen["Dovecot"], "details and quotas")


# lda in front of them, by pipe(8).

def before(w, server, name, socket):
    """The wiring "before-..." with the socket of the server."""
    with server(w, False, [ANN]) as running:
        if os.path.exists("/etc/lda.users"):
            users("%s::5000:5000::%s::" % (ANN, home(ANN)))
        shutil.rmtree(home(ANN), ignore_errors=True)
        conf = text_of(name, "lda.conf")
        true(socket in conf, "the socket's name is not in lda.conf")
        with Wiring(w, name, changes=[(socket, running.at)],
                    main=UNKNOWN_PASS) as wired:
            letter = an_ordinary_letter()
            _, result = wired.deliver(SENDER, ANN, letter.octets)
            same(result.status, "sent", str(result))
            found = running.mails(ANN)
            same(len(found), 1, "mails")
            true(found[0].endswith(letter.octets), "another letter")
            same(len(re.findall(rb"(?m)^Return-Path:", found[0])), 1,
                 "Return-Path")
            _, result = wired.deliver(SENDER, "no@example.com",
                                      Letter().octets)
            same((result.status, result.dsn), ("bounced", "5.1.1"),
                 str(result))


@test("postfix")
def lda_before_Dovecot(w):
    if Dovecot.why_not():
        raise Skip(Dovecot.why_not())
    write("/etc/lda.conf", "")
    users("%s::5000:5000::%s::" % (ANN, home(ANN)))
    before(w, Dovecot, "before-dovecot", "/run/dovecot/lmtp")


@test("postfix")
def lda_before_Cyrus(w):
    if Cyrus.why_not():
        raise Skip(Cyrus.why_not())
    before(w, Cyrus, "before-cyrus", "/run/cyrus/socket/lmtp")


# smmapd and lda-verify.

@test("postfix")
def smmapd_and_lda_verify_answer_alike(w):
    if Cyrus.why_not():
        raise Skip(Cyrus.why_not())
    with Wired(w, Cyrus, "virtual-lmtp", people=[ANN],
               main=UNKNOWN_PASS) as wired:
        through_lmtp(wired.deliver(ANN)[1][0])  # smmapd makes no users
        ours = "socketmap:unix:%s/spool/private/lda-verify:rcpt" \
            % wired.postfix.top
        theirs = "socketmap:unix:%s:smmap" % wired.server.smmap
        for key in (ANN, "no@example.com", "ann@other.invalid",
                    "\"ann\"@example.com"[1:]):
            got = [wired.postfix.postmap(key, table)
                   for table in (ours, theirs)]
            same(got[0][0], got[1][0], "exit status of postmap -q %s: %s" % (
                key, got))
            if got[0][0] == 0:
                same(got[0][1:], got[1][1:], "answers to " + key)


@test("postfix")
def smmapd_and_lda_verify_part_where_a_folder_is_missing(w):
    """smmapd asks for the mailbox user+detail itself, and refuses what its
    own lmtpd would put into INBOX; lda-verify asks for the user."""
    if Cyrus.why_not():
        raise Skip(Cyrus.why_not())
    with Wired(w, Cyrus, "virtual-lmtp", people=[ANN],
               main=UNKNOWN_PASS) as wired:
        through_lmtp(wired.deliver(ANN)[1][0])  # smmapd makes no users
        ours = "socketmap:unix:%s/spool/private/lda-verify:rcpt" \
            % wired.postfix.top
        theirs = "socketmap:unix:%s:smmap" % wired.server.smmap
        name = ANN.replace("@", "+none@")
        for table in (ours, theirs):
            same(wired.postfix.postmap(ANN, table), (0, ANN, ""), table)
        same(wired.postfix.postmap(name, theirs)[0], 1, "smmapd")
        same(wired.postfix.postmap(name, ours), (0, ANN, ""), "lda-verify")
        through_lmtp(wired.deliver(name)[1][0])
        same(len(wired.server.mails(ANN)), 2, "mails in INBOX")
