"""test_readers.py - what other programs read of what lda has delivered."""

import email.utils
import mailbox
import os
import pty
import re
import select
import subprocess
import time

from cases import same, test, true
from letters import Letter, hostile, sent
from test_pipe import SENDER
from world import make_maildir, mails, read

NAME = "reader@dorx.invalid"


def three_letters(w):
    """Delivers three letters through Postfix: their octets in the Maildir,
    in the order in which they came."""
    w.users_file(NAME)
    maildir = w.home_of(NAME) + "/Maildir"
    want = []
    for letter in (Letter(), Letter(hostile()), Letter("größe\n".encode())):
        seen = set(mails(maildir))
        _, result = w.postfix.deliver(SENDER, NAME, letter.octets)
        sent(result, "dorx")
        new = set(mails(maildir)) - seen
        same(len(new), 1, "new mails")
        content = read(new.pop())
        true(content.endswith(letter.octets), "the letter is not whole")
        want.append(content)
    return maildir, want


@test("postfix", "dovecot")
def Dovecot_reads_octets_size_date_and_flags(w):
    before = time.time()
    _, want = three_letters(w)
    after = time.time()
    imap = w.dovecot.login(NAME)
    try:
        same(imap.select("INBOX")[1], [b"3"], "EXISTS")
        for number, content in enumerate(want, 1):
            answer = imap.fetch(
                str(number),
                "(UID RFC822.SIZE INTERNALDATE FLAGS BODY.PEEK[])")[1]
            about, body = answer[0]
            about += answer[1]
            wire = re.sub(rb"(?<!\r)\n", b"\r\n", content)
            if b"\0" in wire:
                # IMAP cannot carry NUL: Dovecot says 0x80 for it.
                wire = wire.replace(b"\0", b"\x80")
            same(body, wire, "BODY[] of %d" % number)
            same(int(re.search(rb"RFC822\.SIZE (\d+)", about)[1]), len(wire),
                 "RFC822.SIZE of %d" % number)
            same(re.search(rb"FLAGS \(([^)]*)\)", about)[1], rb"\Recent",
                 "FLAGS of %d" % number)
            same(re.search(rb"UID (\d+)", about)[1], b"%d" % number, "UID")
            date = re.search(rb'INTERNALDATE "([^"]*)"', about)[1].decode()
            seconds = time.mktime(time.strptime(
                date[:20].strip(), "%d-%b-%Y %H:%M:%S"))
            true(before - 2 <= seconds <= after + 2,
                 "INTERNALDATE of %d is %s" % (number, date))
    finally:
        imap.logout()


@test("postfix", "dovecot")
def Dovecot_sees_a_mail_that_arrives_while_it_looks(w):
    three_letters(w)
    imap = w.dovecot.login(NAME)
    try:
        same(imap.select("INBOX")[1], [b"3"], "EXISTS")
        _, result = w.postfix.deliver(SENDER, NAME, Letter().octets)
        sent(result, "dorx")
        until = time.monotonic() + 10
        while time.monotonic() < until:
            imap.noop()
            if imap.response("EXISTS")[1][-1] == b"4":
                break
            time.sleep(0.05)
        else:
            raise AssertionError("the fourth mail is not seen")
        same(imap.search(None, "UID", "4")[1], [b"4"], "its UID")
    finally:
        imap.logout()


@test("dovecot")
def Dovecot_reads_a_system_user(w):
    w.fresh_home("carol", maildir=False)
    letter = Letter()
    run = w.run("-d", "carol", stdin=letter.octets)
    same(run.status, 0, str(run))
    imap = w.dovecot.login("carol")
    try:
        same(imap.select("INBOX")[1], [b"1"], "EXISTS")
        body = imap.fetch("1", "(BODY.PEEK[])")[1][0][1]
        same(body, letter.octets.replace(b"\n", b"\r\n"), "BODY[]")
    finally:
        imap.logout()


@test("dovecot")
def Dovecot_trusts_S_and_W_of_awkward_line_ends(w):
    """Dovecot takes RFC822.SIZE from W=; a wrong one is found out only when
    the body is read."""
    w.fresh_home("carol")
    given = [b"a: b\n\nx\r\r\ny\rz\n\r\n\n", b"a: b\n\nno end", b"x",
             b"a: b\r\n\r\nc\r\n", b"\n", b"a: b\n\n" + b"q\n" * 70000]
    for octets in given:
        run = w.run("-d", "carol", stdin=octets)
        same(run.status, 0, str(run))
    imap = w.dovecot.login("carol")
    try:
        same(imap.select("INBOX")[1], [b"%d" % len(given)], "EXISTS")
        for number in range(1, len(given) + 1):
            size = imap.fetch(str(number), "(RFC822.SIZE)")[1][0]
            body = imap.fetch(str(number), "(BODY.PEEK[])")[1][0][1]
            same(int(re.search(rb"SIZE (\d+)", size)[1]), len(body),
                 "RFC822.SIZE of %r" % given[number - 1][:20])
    finally:
        imap.logout()


@test("postfix")
def Python_reads_the_Maildir(w):
    maildir, want = three_letters(w)
    box = mailbox.Maildir(maildir, create=False)
    got = sorted(box.get_bytes(key) for key in box.keys())
    same(got, sorted(want), "mails")
    for key in box.keys():
        one = box.get_message(key)
        same((one.get_subdir(), one.get_flags()), ("new", ""), "state")
        same(email.utils.parseaddr(one["Return-Path"])[1], SENDER, "sender")


@test("postfix", "mutt")
def mutt_reads_the_Maildir(w):
    """mutt wants a terminal: it gets one, and the keys from its own push
    command.  It copies all it sees to a second Maildir."""
    maildir, want = three_letters(w)
    home = w.path("mutt")
    os.mkdir(home, 0o700)
    os.chown(home, 5000, 5000)
    copy = home + "/copy"
    make_maildir(copy, 5000)
    keys = "".join("%d<enter><copy-message><kill-line>%s<enter>"
                   % (number, copy) for number in (1, 2, 3)) + "<exit>"
    ours, theirs = pty.openpty()
    mutt = subprocess.Popen(
        ["mutt", "-n", "-F", "/dev/null", "-f", maildir,
         "-e", "set mbox_type=Maildir confirmappend=no delete=no move=no "
         "copy=no quit=yes", "-e", "push '%s'" % keys],
        user=5000, group=5000, extra_groups=[], cwd="/",
        env={"HOME": home, "TERM": "vt100", "PATH": "/usr/bin:/bin",
             "LANG": "C", "LINES": "24", "COLUMNS": "80"},
        stdin=theirs, stdout=theirs, stderr=theirs)
    w.started.append(mutt)
    os.close(theirs)
    screen = read_until_closed(ours, 30)
    os.close(ours)
    mutt.kill()
    mutt.wait()
    # mutt adds Status, Content-Length and Lines when it copies.
    added = re.compile(rb"^(Status|Content-Length|Lines): .*\n", re.M)
    same(sorted(added.sub(b"", read(path)) for path in mails(copy)),
         sorted(added.sub(b"", mail) for mail in want),
         "copies, after a screen of %r" % screen[-300:])


def read_until_closed(terminal, seconds):
    screen = b""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                screen += os.read(terminal, 65536)
            except OSError:
                break
    return screen
