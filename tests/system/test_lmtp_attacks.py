"""test_lmtp_attacks.py - lda-lmtp from outside, by clients that Postfix is not:
sessions cut and split at every octet, floods, odd addresses, processes killed
in the middle; and what a message costs in memory and in octets written.

The real program runs on one end of a socket, as under spawn(8) and, where it
matters, as root with its monitor.
"""

import hashlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading

import world
from cases import has, lacks, same, test, true
from session import (Server, children, most_memory, replies, state,
                     wait_until, without_what_varies)
from world import debris, mails, make_maildir, read, write

DOMAIN = "attack.invalid"
BOB = "bob@" + DOMAIN
SRV = "/srv/mail/" + DOMAIN

# A session with everything in it: groups of commands, a recipient who is
# refused, dots to be taken away, line ends of all kinds, a transaction that is
# forgotten, a second message, the dot and QUIT in one.
SESSION = (
    b"LHLO c\r\nMAIL FROM:<a@b> BODY=8BITMIME\r\n"
    b"RCPT TO:<bob@attack.invalid>\r\nRCPT TO:<no@attack.invalid>\r\n"
    b"RCPT TO:<eve@attack.invalid>\r\nDATA\r\n"
    b"Subject: x\r\n\r\n..\r\n.x\n.\n\r.\r\r\n\xff\0\r\n\n.\r\n..\r\n.\r\n"
    b"MAIL FROM:<>\r\nRCPT TO:<eve@attack.invalid>\r\nRSET\r\nNOOP\r\n"
    b"MAIL FROM:<>\r\nRCPT TO:<bob@attack.invalid>\r\nDATA\r\n.\r\nQUIT\r\n")
CODES = ["220", "250", "250", "250", "550", "250", "354", "250", "250",
         "250", "250", "250", "250", "250", "250", "354", "250", "221"]


def users(w, *names):
    shutil.rmtree(SRV, ignore_errors=True)
    w.users_file(*[name + "@" + DOMAIN for name in names])


def maildir(name):
    return "%s/%s/Maildir" % (SRV, name)


def take(*names):
    """Contents of all their mails, each without what differs from run to run,
    in order; the mails are gone afterwards."""
    found = []
    for name in names:
        paths = mails(maildir(name))
        same(debris(maildir(name)), [], "tmp/ of " + name)
        found.append(sorted(without_what_varies(read(p)) for p in paths))
        for path in paths:
            os.unlink(path)
    return found


# Framing.

def play(w, pieces, user="vmail"):
    """The whole session in these pieces: all it said, and the mails."""
    with Server(w, user=user) as server:
        for piece in pieces[:-1]:
            server.send(piece)
            server.is_read()
        server.send(pieces[-1])
        said = server.rest()
    return said, take("bob", "eve")


def check_session(said, got):
    same([line[:3] for line in replies(said)], CODES, "replies: %r" % said)
    same([len(box) for box in got], [2, 1], "mails of bob and eve")


@test()
def a_session_split_anywhere_is_the_same_session(w):
    users(w, "bob", "eve")
    want = play(w, [SESSION])
    check_session(*want)
    text = (b"Subject: x\n\n.\nx\n.\n\r.\r\n\xff\0\n\n.\n.\n")
    true(want[1][1][0].endswith(text), "text: %r" % want[1][1][0])
    for at in range(1, len(SESSION)):
        got = play(w, [SESSION[:at], SESSION[at:]])
        same(got, want, "split at %d, before %r" % (
            at, SESSION[at:at + 20]))


@test()
def a_session_octet_by_octet_is_the_same_session(w):
    users(w, "bob", "eve")
    want = play(w, [SESSION])
    check_session(*want)
    octets = [SESSION[i:i + 1] for i in range(len(SESSION))]
    same(play(w, octets), want, "octet by octet")
    users(w, "bob", "eve")
    said, got = play(w, octets, user="root")
    same(said, want[0], "what it says as root")
    check_session(said, got)


@test()
def only_one_sequence_ends_a_message(w):
    """What follows each of these must stay text: with another server in front
    of us that thinks otherwise it would be a mail of the attacker's."""
    users(w, "bob")
    smuggled = (b"MAIL FROM:<evil@c>\r\nRCPT TO:<%s>\r\nDATA\r\n"
                b"Subject: smuggled\r\n\r\nx" % BOB.encode())
    ends = [a + b"." + b for a in (b"\n", b"\r", b"\r\r", b"\n\n", b"\0\r\n",
                                   b"\r\n", b"\n\r", b"\r\n ", b"x")
            for b in (b"\n", b"\r", b"\r\r\n", b"\r\0\n", b"\n\r\n", b" \r\n",
                      b"\r \n", b"\0\r\n", b".\r\n", b"\r\n")
            if a + b"." + b not in (b"\r\n.\r\n", b"\0\r\n.\r\n")]
    for end in ends:
        for pieces in ([b"1" + end + b"2" + smuggled],
                       [b"1" + end, b"2" + smuggled],
                       [b"1" + end[:-1], end[-1:] + b"2" + smuggled]):
            with Server(w) as server:
                server.hello()
                server.begin(BOB)
                for piece in pieces:
                    server.send(piece)
                    server.is_read()
                server.send(b"\r\n.\r\nQUIT\r\n")
                said = replies(server.rest())
            same([line[:3] for line in said], ["250", "221"],
                 "replies with %r" % end)
            (found,), = take("bob"),
            same(len(found), 1, "mails with %r" % end)
            has(found[0].decode("latin-1"), r"Subject: smuggled\n\nx\n\Z")


@test()
def a_client_that_leaves_has_sent_what_it_has_finished(w):
    """Its side is closed at each octet of the session: what was finished is
    delivered and answered, what was not has never been."""
    users(w, "bob", "eve")
    said, whole = play(w, [SESSION])
    first = SESSION.index(b"\r\n.\r\nMAIL") + 5
    second = SESSION.index(b"QUIT")
    for at in range(len(SESSION)):
        with Server(w) as server:
            server.send(SESSION[:at])
            server.end_of_ours()
            got = server.rest()
        true(said.startswith(got), "cut at %d: %r" % (at, got))
        same([len(box) for box in take("bob", "eve")],
             [(at >= first) + (at >= second), int(at >= first)],
             "mails of bob and eve, cut at %d" % at)


@test()
def a_connection_reset_anywhere_leaves_whole_mails_or_none(w):
    """Nobody hears the answers, so a mail that was finished may be delivered
    or not; nothing else may."""
    users(w, "bob", "eve")
    _, whole = play(w, [SESSION])
    first = SESSION.index(b"\r\n.\r\nMAIL") + 5
    second = SESSION.index(b"QUIT")
    seen = 0
    for kind in ("tcp", "unix"):
        for at in range(0, len(SESSION), 3):
            with Server(w, kind=kind) as server:
                server.send(SESSION[:at])
                if at % 2:
                    server.is_read()
                server.reset() if kind == "tcp" else server.socket.close()
            most = [(at >= first) + (at >= second), int(at >= first)]
            for got, limit, known in zip(take("bob", "eve"), most, whole):
                true(len(got) <= limit, "%d mails, cut at %d" % (
                    len(got), at))
                true(all(one in known for one in got), "torn: %r" % got)
                seen += len(got)
    true(seen > 0, "nothing was ever delivered: no test")


@test()
def a_client_that_is_killed_in_a_message_has_sent_nothing(w):
    users(w, "bob")
    for user in ("vmail", "root"):
        with Server(w, user=user) as server:
            server.hello()
            server.begin(BOB)
            client = os.fork()
            if client == 0:
                try:
                    while True:
                        server.socket.sendall(b"x" * 998 + b"\r\n")
                finally:
                    os._exit(1)
            server.socket.close()   # the child's is the only one
            wait_until(lambda: octets_read(server) > 3000000, "3 MB are read")
            os.kill(client, signal.SIGKILL)
            os.waitpid(client, 0)
        no_trace("bob")
        has(server.log(), "the client has gone in a message: nothing of it "
            "was delivered", "recipients=1")


def octets_read(server):
    """By it and all it has started: as root it is the speaker that reads."""
    count = 0
    for pid in server.family():
        try:
            said = read("/proc/%d/io" % pid).decode()
            count += int(re.search(r"rchar: (\d+)", said)[1])
        except OSError:
            pass
    return count


def no_trace(*names):
    """No mail, and no file that anybody has begun."""
    for name in names:
        same(mails(maildir(name)), [], "mails of " + name)
        same(debris(maildir(name)), [], "tmp/ of " + name)


# Floods.

def flood(server, octets):
    """Sends while it reads, so that neither waits for the other; all that the
    server has said."""
    sender = threading.Thread(target=server.send_what_is_taken,
                              args=(octets,))
    sender.start()
    said = server.rest()
    sender.join()
    return said


@test()
def floods_of_commands_end_the_connection(w):
    users(w, "bob")
    for what, line, last in (
            ("NOOP", b"NOOP\r\n", "421 4.7.0 too many commands"),
            ("MAIL and RSET", b"MAIL FROM:<a@b>\r\nRSET\r\n",
             "421 4.7.0 too many commands"),
            ("RCPT and RSET", b"MAIL FROM:<a@b>\r\nRCPT TO:<" + BOB.encode()
             + b">\r\nRSET\r\n", "421 4.7.0 too many commands"),
            ("LHLO", b"LHLO c\r\n", "421 4.7.0 too many commands"),
            ("unknown recipients", b"MAIL FROM:<a@b>\r\n"
             + b"RCPT TO:<no@attack.invalid>\r\n" * 3000,
             "421 4.7.0 too many commands"),
            ("empty lines", b"\r\n", "421 4.7.0 too many bad commands"),
            ("bare LF", b"\n", "421 4.7.0 too many bad commands"),
            ("junk", b"\0\xff junk\r\n", "421 4.7.0 too many bad commands"),
            ("long lines", b"NOOP " + b"x" * 5000 + b"\r\n",
             "421 4.7.0 too many bad commands"),
            ("a line without an end", b"x" * 1000,
             "421 4.7.0 a line without end")):
        with Server(w) as server:
            said = replies(flood(server, b"LHLO c\r\n"
                                 + line * (1 + 4000000 // len(line))))
            same(said[-1], last, "the end of a flood of " + what)
            true(len(said) < 3100, "%d replies to a flood of %s" % (
                len(said), what))
        no_trace("bob")


@test()
def a_flood_that_reads_no_answers_stands_still(w):
    """Its replies fill the socket; from there on nothing more is read, and no
    memory taken."""
    users(w, "bob")
    with Server(w) as server:
        server.socket.setblocking(False)
        sent = 0
        line = b"MAIL FROM:<a@b>\r\n" + b"RCPT TO:<%s>\r\n" % BOB.encode() \
            * 900 + b"DATA\r\nx\r\n.\r\n"
        left, still = b"LHLO c\r\n" + line * 300, 0
        while left and still < 20:
            try:
                count = server.socket.send(left[:65536])
                sent, left, still = sent + count, left[count:], 0
            except BlockingIOError:
                # Nothing was taken while it had time for that.
                before = octets_read(server)
                wait_until(lambda: state(server.pid) == "S", "it sleeps")
                still = still + 1 if octets_read(server) == before else 0
        true(left, "it has read everything: %d octets" % sent)
        true(most_memory(server.pid) < 4096, "%d KiB of memory" %
             most_memory(server.pid))


@test()
def more_recipients_than_allowed_are_452_each(w):
    """The limit and one more; then as many as can be configured, all of whom
    are one user's details."""
    users(w, "bob")
    for limit, most_kib in ((1000, 6000), (10000, 32768)):
        count = limit + 300
        with Server(w, "-o", "lmtp_recipient_limit=%d" % limit) as server:
            server.hello()
            lines = b"".join(b"RCPT TO:<bob+%d@attack.invalid>\r\n" % n
                             for n in range(count))
            sender = threading.Thread(target=server.send_what_is_taken, args=(
                b"MAIL FROM:<a@b>\r\n" + lines + b"RSET\r\n",))
            sender.start()
            got = [server.reply() for _ in range(count + 2)]
            sender.join()
            same([line[:9] for line in got], ["250 2.1.0"]
                 + ["250 2.1.5"] * limit + ["452 4.5.3"] * 300
                 + ["250 2.0.0"], "replies")
            true(most_memory(server.pid) < most_kib, "%d KiB of memory for "
                 "%d recipients" % (most_memory(server.pid), limit))
            server.say("QUIT")


@test()
def a_thousand_recipients_get_a_thousand_answers_in_order(w):
    users(w, *["n%d" % n for n in range(0, 1000, 2)])
    with Server(w) as server:
        server.hello()
        names = [b"n%d@attack.invalid" % n for n in range(0, 1000, 2)] \
            + [b"n%d+x@attack.invalid" % n for n in range(0, 1000, 2)]
        server.send(b"MAIL FROM:<a@b>\r\n" + b"".join(
            b"RCPT TO:<%s>\r\n" % name for name in names) + b"DATA\r\n")
        for _ in range(1001):
            has(server.reply(), "^250 ")
        has(server.reply(), "^354 ")
        server.send(b"Subject: x\r\n\r\n.\r\n")
        for name in names:
            same(server.reply(), "250 2.0.0 <%s> delivered" % name.decode(),
                 "reply")
        server.say("QUIT")
    for n in range(0, 1000, 2):
        same(len(mails(maildir("n%d" % n))), 2, "mails of n%d" % n)


@test()
def junk_makes_neither_mail_nor_crash(w):
    """Random octets, and sessions with random octets in them."""
    users(w, "bob", "eve")
    seed = int(os.environ.get("LDA_SEED", "20"))
    for number in range(150):
        dice = random.Random(seed * 1000 + number)
        if number % 3 == 0:
            given = bytes(dice.randrange(256) for _ in range(3000))
        else:
            given = bytearray(SESSION)
            for _ in range(dice.randrange(1, 8)):
                at = dice.randrange(len(given))
                if number % 3 == 1:
                    given[at] = dice.choice(b"\r\n\0.<> \xff\"@")
                else:
                    to = dice.randrange(len(given))
                    given[at:at] = given[min(at, to):max(at, to)][:400]
            given = bytes(given)
        with Server(w) as server:
            sender = threading.Thread(target=server.send_what_is_taken,
                                      args=(given,))
            sender.start()
            sender.join(5)
            try:
                server.end_of_ours()
            except OSError:
                pass
            for line in server.rest().split(b"\r\n")[:-1]:
                true(re.match(rb"\d{3}[ -][ -~]*\Z", line),
                     "no reply with number %d: %r" % (number, line))
        lacks(server.log(), "crash", "assert", "internal error")
        take("bob", "eve")


# Addresses.

# What stands behind RCPT TO: and the code it gets.  250: bob's, or with static
# users a user of his own.
ADDRESSES = [
    (b"<bob@attack.invalid>", 250), (b"<BOB@ATTACK.INVALID>", 250),
    (b"<\"bob\"@attack.invalid>", 250), (b"<bob+x@attack.invalid>", 250),
    (b"<@a,@b:bob@attack.invalid>", 250), (b" <bob@attack.invalid>", 250),
    (b"<bob@attack.invalid> NOTIFY=NEVER", 555),
    (b"<bob@attack.invalid> ORCPT=rfc822;bob@x", 250),
    (b"<bob@attack.invalid> ORCPT=rfc822;bob+0Ax", 501),
    (b"<>", 501), (b"<@>", 0), (b"<\"\"@attack.invalid>", 0),
    (b"<\"\">", 0), (b"<@attack.invalid>", 0), (b"<bob@>", 0),
    (b"<bob@attack.invalid", 501), (b"bob@attack.invalid>", 501),
    (b"<bob@attack.invalid>x", 501), (b"<bob\0@attack.invalid>", 501),
    (b"<bob\r@attack.invalid>", 501), (b"<bob\t@attack.invalid>", 501),
    (b"<\"bob@attack.invalid\">", 0), (b"<\"a@b\"@attack.invalid>", 0),
    (b"<bob@attack.invalid@x>", 0), (b"<b\xf6b@attack.invalid>", 0),
    (b"<../bob@attack.invalid>", 0), (b"<..@attack.invalid>", 0),
    (b"<.@attack.invalid>", 0), (b"<.bob@attack.invalid>", 0),
    (b"<bob@..>", 0), (b"<bob@../attack.invalid>", 0),
    (b"<\"a/../../bob\"@attack.invalid>", 0), (b"<a/b@attack.invalid>", 0),
    (b"<bob@.attack>", 0), (b"<bob@a/b>", 0), (b"<%u@attack.invalid>", 0),
    (b"<" + b"a" * 3000 + b"@attack.invalid>", 0),
    (b"<\\bob@attack.invalid>", 0), (b"<-oProxy@attack.invalid>", 0),
    (b"<+@attack.invalid>", 0), (b"<+x@attack.invalid>", 0),
]


def ask_all(w, *flags):
    """The code that each address gets, and a mail for it if it gets 250."""
    got = []
    with Server(w, *flags) as server:
        server.hello()
        for number, (address, _) in enumerate(ADDRESSES):
            if number % 8 == 0:
                # A connection of its own for some: bad commands are counted.
                server.say("RSET")
            has(server.say("MAIL FROM:<a@b>"), "^250 ")
            said = server.say(b"RCPT TO:" + address)
            true(said[:3] in ("250", "501", "550", "555"), "%r: %s" % (
                address, said))
            true(len(said) < 511 and said.isprintable(), "reply %r" % said)
            if said.startswith("250"):
                has(server.say("DATA"), "^354 ")
                answer = server.say(b"Subject: %d\r\n\r\n." % number)
                true(answer[:3] in ("250", "450"), "%r: %s" % (
                    address, answer))
            server.say("RSET")
            got.append(int(said[:3]))
        server.say("QUIT")
    return got


def tree(top):
    return sorted(os.path.join(path, name) for path, directories, files
                  in os.walk(top) for name in directories + files)


@test()
def odd_addresses_reach_nobody_else(w):
    """With users who are listed; "0" in the table is anything but 250."""
    users(w, "bob")
    got = ask_all(w)
    for (address, want), code in zip(ADDRESSES, got):
        if want:
            same(code, want, "%r" % address)
        else:
            true(code in (501, 550), "%r: %d" % (address, code))
    same(os.listdir(SRV), ["bob"], "homes")
    same(len(mails(maildir("bob"))), got.count(250), "mails of bob")


@test()
def odd_addresses_make_no_paths(w):
    """With users who all exist: whatever the address, no file is made but
    below a home of two plain names."""
    shutil.rmtree("/srv/mail/static", ignore_errors=True)
    write("/etc/lda.conf", "userdb = static\nmail_uid = vmail\n"
          "mail_gid = vmail\nmail_home = /srv/mail/static/%d/%n\n"
          "mail_location = maildir:~/Maildir\n")
    before = tree("/srv/mail")
    got = ask_all(w)
    made = set(tree("/srv/mail")) - set(before)
    true(got.count(250) > 8, "codes: %s" % got)
    for path in made:
        true(re.match(r"/srv/mail/static(/[\w+%\\@\udcf6-][^/]*"
                      r"(/[^/.][^/]*(/Maildir(/.*)?)?)?)?\Z", path),
             "made: %r" % path)
    for parts in (".", ".."):
        lacks("\n".join(made), "/" + re.escape(parts) + "(/|$)")


@test()
def an_address_never_ends_a_header_line(w):
    """What would begin a field of its own is refused, or is no line end."""
    users(w, "bob")
    with Server(w) as server:
        server.reply()
        server.say(b"LHLO x (y)\"; <z>")
        server.say("LHLO " + "x" * 200)
        for sender in (b"<a\rX-Evil: 1@b>", b"<a\0@b>", b"<\"a\rb\"@b>"):
            has(server.say(b"MAIL FROM:" + sender), "^501 ")
        server.begin(BOB, sender="\"a> X-Evil: <\"@b")
        has(server.say(b"Subject: x\r\n\r\n."), "^250 ")
        server.say("QUIT")
    (content,), = take("bob")
    lines = content.split(b"\n")
    same(lines[0], b'Return-Path: <"a> X-Evil: <"@b>', "first line")
    same([line.split(b":")[0] for line in lines if line[:1] not in b"\t"],
         [b"Return-Path", b"Delivered-To", b"Received", b"Subject"],
         "fields of %r" % content)


# What stands on top.

@test()
def Delivered_To_as_it_is_set(w):
    users(w, "bob")
    for value, orcpt, want in (
            ("final", b"", b"Bob+x@attack.invalid"),
            ("final", b" ORCPT=rfc822;info@x", b"Bob+x@attack.invalid"),
            ("original", b" ORCPT=rfc822;i+2Bnfo@x", b"i+nfo@x"),
            ("original", b"", b"Bob+x@attack.invalid"),
            ("none", b" ORCPT=rfc822;info@x", None)):
        with Server(w, "-o", "lmtp_hdr_delivery_address=" + value) as server:
            server.hello()
            server.say("MAIL FROM:<a@b>")
            has(server.say(b"RCPT TO:<Bob+x@attack.invalid>" + orcpt), "^250")
            server.say("DATA")
            has(server.say(b"Return-Path: <old@x>\r\nSubject: x\r\n\r\n."),
                "^250 ")
            server.say("QUIT")
        (content,), = take("bob")
        found = re.findall(rb"(?m)^Delivered-To: (.*)$", content)
        same(found, [want] if want else [], "Delivered-To with " + value)
        same(re.findall(rb"(?m)^Return-Path: (.*)$", content), [b"<a@b>"],
             "Return-Path")
        same(len(re.findall(rb"(?m)^Received: ", content)), 1, "Received")
    with Server(w, "-o", "lmtp_add_received_header=no") as server:
        server.hello()
        server.begin(BOB)
        server.say(b"Subject: x\r\n\r\n.")
        server.say("QUIT")
    (content,), = take("bob")
    same(content, b"Return-Path: <a@sender.invalid>\nDelivered-To: "
         + BOB.encode() + b"\nSubject: x\n\n", "without Received")


@test()
def a_loop_is_one_recipients_and_stands_below_Received(w):
    users(w, "bob", "eve")
    received = b"Received: from x by y; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    mine = b"Delivered-To: " + BOB.upper().encode() + b"\r\n"
    for top, want in ((received + mine, "554"), (mine + received, "250"),
                      (mine, "250"), (received + b"Delivered-To: eve@x\r\n"
                                      b"\r\n" + mine, "250")):
        for user in ("vmail", "root"):
            with Server(w, user=user) as server:
                server.hello()
                server.begin(BOB, "eve@attack.invalid")
                said = server.say(top + b"\r\nx\r\n.")
                same(said[:3], want, "bob's reply to %r as %s: %s" % (
                    top, user, said))
                has(server.reply(), "^250 2.0.0 <eve@")
                server.say("QUIT")
            take("bob", "eve")


# The size of a message.

@test()
def message_size_limit_at_MAIL_and_at_the_end(w):
    users(w, "bob", "eve")
    with Server(w, "-o", "message_size_limit=20k") as server:
        server.reply()
        server.send(b"LHLO c\r\n")
        has(server.line() + "\n" + "\n".join(
            iter(lambda: server.line(), "250 SIZE 20480")), "PIPELINING")
        has(server.say("MAIL FROM:<a@b> SIZE=20481"), "^552 5.2.3 ")
        has(server.say("MAIL FROM:<a@b> SIZE=99999999999999999999999"),
            "^(501|552) 5")
        has(server.say("MAIL FROM:<a@b> SIZE=-1"), "^501 ")
        has(server.say("MAIL FROM:<a@b> SIZE=20480"), "^250 ")
        server.say("RSET")
        server.begin(BOB, "eve@attack.invalid")
        # It is read to its end, and each recipient is told.
        has(server.say(b"x" * 300000 + b"\r\n."), "^552 5.2.3 <bob@")
        has(server.reply(), "^552 5.2.3 <eve@")
        server.begin(BOB)
        has(server.say(b"Subject: small\r\n\r\n."), "^250 ")
        server.say("QUIT")
    same([len(box) for box in take("bob", "eve")], [1, 0], "mails")


BIG = 32 * 1024 * 1024


def sample_memory(server, stop, most):
    while not stop.is_set():
        for pid in server.family():
            most[pid] = max(most.get(pid, 0), most_memory(pid))
        stop.wait(0.002)


@test()
def a_message_of_32_MB_takes_no_memory(w):
    users(w, "bob", "eve")
    line = b"0123456789abcdef" * 62 + b"\r\n"
    body = line * (BIG // len(line)) + b"." * 100000 + b"y" * 2000000
    stored = body.replace(b"\r\n", b"\n")
    sent = b"\r\n".join(b"." + part if part.startswith(b".") else part
                        for part in body.split(b"\r\n"))
    for user in ("vmail", "root"):
        stop, most = threading.Event(), {}
        with Server(w, user=user) as server:
            watcher = threading.Thread(target=sample_memory,
                                       args=(server, stop, most))
            watcher.start()
            try:
                server.hello()
                server.begin(BOB, "eve@attack.invalid")
                server.send(b"Subject: big\r\n\r\n" + sent + b"\r\n.\r\n")
                for name in (b"bob", b"eve"):
                    has(server.reply(), "^250 2.0.0 <%s@" % name.decode())
            finally:
                stop.set()
                watcher.join()
            server.say("QUIT")
        true(len(most) >= 3, "only %d processes were seen" % len(most))
        true(max(most.values()) < 4096, "as %s: KiB of memory %s" % (
            user, most))
        for name in ("bob", "eve"):
            path, = mails(maildir(name))
            content = read(path)
            os.unlink(path)
            true(content.endswith(b"\nSubject: big\n\n" + stored + b"\n"),
                 "the message of %s is another" % name)


# One message for many.

FIFTY = ["s%d" % n for n in range(50)]


def octets_written(directory):
    """What the processes of strace's reports have written into files, and how
    many times they have synced one."""
    written = syncs = 0
    for name in os.listdir(directory):
        for line in read(directory + "/" + name).decode().splitlines():
            found = re.match(r"(\w+)\(\d+<([^>]*)>.* = (\d+)$", line)
            true(found or "= -1" in line or line.startswith(("---", "+++")),
                 "what strace says is not understood: " + line)
            if not found or found[2].startswith(("socket:", "pipe:")):
                continue
            if found[1] in ("fsync", "fdatasync"):
                syncs += 1
            else:
                written += int(found[3])
    return written, syncs


def one_for_fifty(w, *flags):
    """A message of 1 MB to fifty users: octets written, inodes, links."""
    users(w, *FIFTY)
    report = w.path("strace")
    shutil.rmtree(report, ignore_errors=True)
    os.mkdir(report)
    os.chown(report, 5000, 5000)
    body = (b"z" * 998 + b"\r\n") * 1049
    with Server(w, *flags, before=(
            "/usr/bin/strace", "-ff", "-y", "-qq", "-o", report + "/of", "-e",
            "trace=write,pwrite64,writev,pwritev,sendfile,copy_file_range,"
            "splice,fsync,fdatasync")) as server:
        server.hello()
        server.begin(*[name + "@" + DOMAIN for name in FIFTY])
        server.send(b"Subject: all\r\n\r\n" + body + b".\r\n")
        for name in FIFTY:
            has(server.reply(), "^250 2.0.0 <%s@" % name)
        server.say("QUIT")
    facts = []
    for name in FIFTY:
        path, = mails(maildir(name))
        facts.append(os.stat(path))
        true(read(path).endswith(b"Subject: all\n\n"
                                 + body.replace(b"\r\n", b"\n")),
             "the message of %s is another" % name)
    return (*octets_written(report), len({f.st_ino for f in facts}),
            {f.st_nlink for f in facts}, facts[0].st_size)


@test("strace")
def a_message_for_fifty_is_written_once(w):
    written, syncs, inodes, links, size = one_for_fifty(
        w, "-o", "lmtp_hdr_delivery_address=none")
    same((inodes, links), (1, {50}), "files, and names of each")
    true(size <= written < size * 1.02, "%d octets written for a message of "
         "%d" % (written, size))
    true(syncs >= 51, "%d syncs for a file and fifty directories" % syncs)


@test("strace")
def a_message_for_fifty_with_a_header_for_each_is_written_for_each(w):
    """The other side of the measure: the same count finds the fifty."""
    for flags in (("-o", "lmtp_hdr_delivery_address=final"),
                  ("-o", "lmtp_hdr_delivery_address=none",
                   "-o", "lmtp_share_message=no")):
        written, syncs, inodes, links, size = one_for_fifty(w, *flags)
        same((inodes, links), (50, {1}), "files, and names of each")
        true(50 * size <= written < 52 * size, "%d octets written for fifty "
             "of %d" % (written, size))
        true(syncs >= 100, "%d syncs" % syncs)


@test()
def who_cannot_share_gets_a_copy(w):
    """Another file system, a Maildir with a group, an mbox, a full quota."""
    users(w, "s0", "s1")
    homes = {name: w.make_home(name + "@" + DOMAIN)
             for name in ("s0", "s1", "other", "group", "mbox", "full")}
    make_maildir(homes["group"] + "/Maildir", 5000)
    os.chown(homes["group"] + "/Maildir", 5000, 5000)
    os.chmod(homes["group"] + "/Maildir", 0o2770)
    lines = ["%s@%s::5000:5000::%s::%s" % (name, DOMAIN, homes[name], more)
             for name, more in (
                 ("s0", ""), ("s1", ""), ("other", ""), ("group", ""),
                 ("mbox", "userdb_mail=mbox:~/mail:INBOX=~/inbox"),
                 ("full", "userdb_quota_rule=*:bytes=10"))]
    write("/etc/lda/users", "".join(line + "\n" for line in lines))
    world.mount("-t", "tmpfs", "-o", "size=8m,uid=5000,gid=5000,mode=700",
                "other", homes["other"])
    try:
        with Server(w, "-o", "lmtp_hdr_delivery_address=none") as server:
            server.hello()
            server.begin(*[name + "@" + DOMAIN for name in homes])
            server.send(b"Subject: all\r\n\r\n" + b"x\r\n" * 100000
                        + b".\r\n")
            for name in homes:
                has(server.reply(), "^%s <%s@" % (
                    "452 4.2.2" if name == "full" else "250 2.0.0", name))
            server.say("QUIT")
        files = {}
        for name in ("s0", "s1", "other", "group"):
            path, = mails(homes[name] + "/Maildir")
            facts = os.stat(path)
            true(read(path).endswith(b"\n\n" + b"x\n" * 100000), name)
            files[name] = (facts.st_nlink, oct(facts.st_mode & 0o777))
        same(files, {"s0": (2, "0o600"), "s1": (2, "0o600"),
                     "other": (1, "0o600"), "group": (1, "0o660")},
             "names and modes")
        true(read(homes["mbox"] + "/inbox").endswith(b"x\n\n"), "the mbox")
        no_trace("full")
    finally:
        world.umount(homes["other"])


# One recipient's trouble.

def lock_mbox(w, name):
    """His delivery will wait, and its process can be found."""
    home = w.home_of(name)
    w.make_home(name)
    write(home + "/inbox.lock", "%d:%s" % (os.getpid(), socket.gethostname()))


MBOX = "userdb_mail=mbox:~/mail:INBOX=~/inbox"


def with_a_locked_one(w):
    """bob, whose mbox is locked, and eve."""
    lines = ["bob@%s::5000:5000::%s/bob::%s" % (DOMAIN, SRV, MBOX),
             "eve@%s::5000:5000::%s/eve::" % (DOMAIN, SRV)]
    shutil.rmtree(SRV, ignore_errors=True)
    write("/etc/lda/users", "".join(line + "\n" for line in lines))
    lock_mbox(w, BOB)


def is_asked_about_bob(pid):
    """Whether it has bob's mailbox open, and a pipe for its answer."""
    where = "/proc/%d/fd" % pid
    try:
        fds = [fd for fd in os.listdir(where) if int(fd) > 2]
        names = [os.readlink(where + "/" + fd) for fd in fds]
        answers = any(name.startswith("pipe:")
                      and os.lstat(where + "/" + fd).st_mode & 0o200
                      for fd, name in zip(fds, names))
    except OSError:
        return False
    return answers and any(name.startswith(SRV + "/bob") for name in names)


def the_one_that_waits(server):
    """The process that waits for bob's lock; eve's has ended, or is idle and
    has no pipe for an answer."""
    def look():
        found = [pid for pid in server.family()
                 if pid != server.pid and world.uid_of(pid) == 5000
                 and is_asked_about_bob(pid)]
        if len(found) == 1 and len(mails(maildir("eve"))) == 1:
            return found[0]
    return wait_until(look, "a delivery waits for the lock")


@test()
def a_delivery_that_dies_is_its_recipients_alone(w):
    for user in ("vmail", "root"):
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT):
            with_a_locked_one(w)
            with Server(w, user=user) as server:
                server.hello()
                server.begin(BOB, "eve@attack.invalid")
                server.send(b"Subject: x\r\n\r\n.\r\n")
                os.kill(the_one_that_waits(server), number)
                has(server.reply(), "^451 4.3.0 <bob@")
                has(server.reply(), "^250 2.0.0 <eve@")
                # The connection goes on, and bob's mail is not begun.
                os.unlink(w.home_of(BOB) + "/inbox.lock")
                server.begin(BOB)
                has(server.say(b"Subject: y\r\n\r\n."), "^250 2.0.0 <bob@")
                server.say("QUIT")
            text = read(w.home_of(BOB) + "/inbox")
            same(text.count(b"\nSubject: "), 1, "mails in %r" % text)


@test()
def TERM_to_all_lets_what_was_begun_end(w):
    """A supervisor may send it to every process of the service."""
    for user in ("vmail", "root"):
        with_a_locked_one(w)
        with Server(w, user=user) as server:
            server.hello()
            server.begin(BOB, "eve@attack.invalid")
            server.send(b"Subject: x\r\n\r\n.\r\n")
            the_one_that_waits(server)
            for pid in server.family():
                os.kill(pid, signal.SIGTERM)
            os.unlink(w.home_of(BOB) + "/inbox.lock")
            has(server.reply(), "^250 2.0.0 <bob@")
            has(server.reply(), "^250 2.0.0 <eve@")
            has(server.reply(), "^421 4.3.2 ")
            same(server.rest(), b"", "after the 421")


@test()
def a_delivery_that_hangs_is_its_recipients_alone(w):
    """delivery_timeout ends it, long before the lock's time is over."""
    for user in ("vmail", "root"):
        with_a_locked_one(w)
        with Server(w, "-o", "delivery_timeout=1s", "-o",
                    "mbox_lock_timeout=600s", user=user) as server:
            server.hello()
            server.begin("eve@attack.invalid", BOB)
            server.send(b"Subject: x\r\n\r\n.\r\n")
            # A reply that is known is not held back by one that is not.
            has(server.reply(), "^250 2.0.0 <eve@")
            has(server.reply(), "^451 4.3.0 <bob@")
            server.begin("eve@attack.invalid")
            has(server.say(b"Subject: y\r\n\r\n."), "^250 ")
            server.say("QUIT")
        same(os.stat(w.home_of(BOB) + "/inbox").st_size, 0, "his mbox")


@test()
def a_full_disk_is_its_recipients_alone(w):
    users(w, "bob", "eve")
    home = w.make_home(BOB)
    world.mount("-t", "tmpfs", "-o", "size=64k,uid=5000,gid=5000,mode=700",
                "small", home)
    try:
        for user in ("vmail", "root"):
            with Server(w, user=user) as server:
                server.hello()
                server.begin(BOB, "eve@attack.invalid")
                server.send(b"Subject: x\r\n\r\n" + b"x\r\n" * 100000
                            + b".\r\n")
                has(server.reply(), "^452 4.3.1 <bob@")
                has(server.reply(), "^250 2.0.0 <eve@")
                server.say("QUIT")
            no_trace("bob")
            same(len(take("eve")[0]), 1, "eve's mails")
    finally:
        world.umount(home)


@test()
def a_full_disk_for_the_spool_is_everybodys_and_passes(w):
    users(w, "bob", "eve")
    os.makedirs("/srv/spool", exist_ok=True)
    world.mount("-t", "tmpfs", "-o", "size=256k,mode=1777", "spool",
                "/srv/spool")
    try:
        with Server(w, "-o", "mail_temp_dir=/srv/spool") as server:
            server.hello()
            server.begin(BOB, "eve@attack.invalid")
            server.send(b"Subject: x\r\n\r\n" + b"x\r\n" * 1000000
                        + b".\r\n")
            has(server.reply(), "^452 4.3.1 <bob@")
            has(server.reply(), "^452 4.3.1 <eve@")
            same(os.listdir("/srv/spool"), [], "left in the spool")
            server.begin(BOB, "eve@attack.invalid")
            server.send(b"Subject: y\r\n\r\n.\r\n")
            has(server.reply(), "^250 ")
            has(server.reply(), "^250 ")
            server.say("QUIT")
        same([len(box) for box in take("bob", "eve")], [1, 1], "mails")
    finally:
        world.umount("/srv/spool")


# As root: the monitor and the speaker.

def speaker_of(server):
    """Nobody's, beside those that look users up for it."""
    found, = [pid for pid in children(server.pid)
              if world.uid_of(pid) == 65534]
    return found


@test()
def a_dead_speaker_leaves_no_monitor(w):
    users(w, "bob")
    server = Server(w, user="root")
    server.hello()
    server.begin(BOB)
    server.send(b"Subject: x\r\n")
    speaker = speaker_of(server)
    os.kill(speaker, signal.SIGKILL)
    same(server.rest(), b"", "what is said after that")
    server.ends()
    no_trace("bob")


@test()
def a_dead_monitor_is_trouble_for_a_while(w):
    """Its speaker answers what it must, and nothing that it cannot know."""
    users(w, "bob")
    server = Server(w, user="root")
    server.hello()
    server.begin(BOB)
    speaker = speaker_of(server)
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    has(server.say(b"Subject: x\r\n\r\n."), "^451 4.3.0 <bob@")
    has(server.say("MAIL FROM:<a@b>"), "^250 ")
    has(server.say("RCPT TO:<%s>" % BOB), "^451 4.3.0 <bob@")
    server.socket.close()
    true(world.gone(speaker), "the speaker does not end")
    no_trace("bob")


@test()
def what_a_speaker_says_gives_nobody_roots_rights(w):
    """Users whose record has uid 0, or one below first_valid_uid."""
    shutil.rmtree(SRV, ignore_errors=True)
    os.makedirs(SRV)
    write("/etc/lda/users", "".join(
        "%s@%s::%s::%s/%s::\n" % (name, DOMAIN, ids, SRV, name)
        for name, ids in (("bob", "0:0"), ("eve", "499:499"),
                          ("zero", "5000:0"), ("good", "5000:5000"))))
    os.chmod(SRV, 0o777)
    with Server(w, user="root") as server:
        server.hello()
        server.say("MAIL FROM:<a@b>")
        said = {name: server.say("RCPT TO:<%s@%s>" % (name, DOMAIN))
                for name in ("bob", "eve", "zero", "good")}
        has(said["good"], "^250 ")
        if any(said[name][0] == "2" for name in ("bob", "eve", "zero")):
            server.say("DATA")
            server.send(b"Subject: x\r\n\r\n.\r\n")
            for name, code in said.items():
                if code[0] == "2":
                    has(server.reply(), "^250 .*good@" if name == "good"
                        else "^45[01] 4")
        server.say("QUIT")
    for name in ("bob", "eve", "zero"):
        same(os.path.exists("%s/%s" % (SRV, name)), False, "home of " + name)
