"""test_peers.py - the same command lines given to dovecot-lda and to lda.

Both get the same users, the same Maildir layout and the same input; exit
status and delivered octets must be equal, except where the table says why
they are not.
"""

import os
import shutil
import subprocess

from cases import same, test, true
from dovecot import LDA as DOVECOT_LDA
from world import make_maildir, mails, read, write

NAME = "peer@peers.invalid"
HOME = "/srv/mail/peers.invalid/peer"
PLAIN = b"From: a@b\nMessage-Id: <1@peers>\n\nHello.\n"
FROM_LINE = b"From a@b Sat Mar  1 12:00:00 2025\n"

# What is tried: a name, arguments (after -d), input.  {file} is a file with
# the input of the row.
SAME = [
    ("a plain mail", [], PLAIN),
    ("sender and recipient", ["-f", "a@b", "-a", "c@d", "-r", "c@d"], PLAIN),
    ("-f with nothing", ["-f", ""], PLAIN),
    ("-f <>", ["-f", "<>"], PLAIN),
    ("-f in brackets", ["-f", "<a@b>"], PLAIN),
    ("-f without a domain", ["-f", "root"], PLAIN),
    ("-f junk", ["-f", "x y@z"], PLAIN),
    ("-f junk with two @", ["-f", "bad addr@@"], PLAIN),
    ("-m with nothing", ["-m", ""], PLAIN),
    ("-m INBOX", ["-m", "INBOX"], PLAIN),
    ("-m inbox", ["-m", "inbox"], PLAIN),
    ("-m nonexistent", ["-m", "nonexistent"], PLAIN),
    ("-m with dots", ["-m", "../x"], PLAIN),
    ("-m with a tilde", ["-m", "~bob"], PLAIN),
    ("-m with //", ["-m", "a//b"], PLAIN),
    ("-e", ["-e"], PLAIN),
    ("-k", ["-k"], PLAIN),
    ("-p", ["-p", "{file}"], PLAIN),
    ("-p without a file", ["-p", "/no/such/file"], PLAIN),
    ("-p with a From_ line", ["-p", "{file}"], FROM_LINE + PLAIN),
    ("a From_ line", [], FROM_LINE + PLAIN),
    ("two From_ lines", [], FROM_LINE + FROM_LINE + PLAIN),
    (">From first", [], b">" + FROM_LINE + PLAIN),
    ("a From_ line inside", [], PLAIN + FROM_LINE + b"x\n"),
    ("CRLF", [], PLAIN.replace(b"\n", b"\r\n")),
    ("mixed line ends", [], b"a: b\r\nc: d\n\r\nx\n y\r\n"),
    ("a lone CR", [], b"a: b\n\nx\ry\n\rz\n"),
    ("CR CR LF", [], b"a: b\n\nx\r\r\n"),
    ("NUL", [], b"a: b\n\nx\0y\0\n"),
    ("8-bit", [], b"a: \xff\xfe\n\n" + bytes(range(128, 256)) + b"\n"),
    ("no final newline", [], b"a: b\n\nend"),
    ("no header", [], b"just text\n"),
    ("header only", [], b"a: b\n"),
    ("header only, no newline", [], b"a: b"),
    ("one octet", [], b"x"),
    ("one newline", [], b"\n"),
    ("a line of 300 kB", [], b"a: b\n\n" + b"x" * 300000 + b"\n"),
    ("over the memory limit", [], b"a: b\n\n" + b"0123456\n" * 60000),
]

# Where lda means to be different: a name, arguments, input, what dovecot-lda
# says, what lda says, and why (DESIGN sections in brackets).
DIFFERENT = [
    ("empty input", [], b"", 0, 75,
     "a caller that says nothing is broken, and a mail of no octets is "
     "nobody's (2.1)"),
    ("-f in broken brackets", ["-f", "<a b@c>"], PLAIN, 64, 0,
     "64 bounces; junk in -f never fails a delivery (2.1)"),
    ("-a junk", ["-a", "x y@@"], PLAIN, 64, 0,
     "64 bounces; junk in -a never fails a delivery (2.1)"),
    ("an unknown option", ["-Z"], PLAIN, 64, 75,
     "64 bounces; how we are called is our own fault (2.2)"),
    ("an operand too many", ["other"], PLAIN, 64, 75,
     "64 bounces; it is a missing _destination_recipient_limit (2.1)"),
    ("an unknown setting", ["-o", "no_such_setting=1"], PLAIN, 0, 75,
     "a misspelt setting is found at once (2.1)"),
    ("CR as the last octet", [], b"a: b\n\nx\r", 0, 0,
     "dovecot-lda drops it; a lone CR passes unchanged (2.1)"),
    ("-m that is not UTF-8", ["-m", b"\xff\xfe"], PLAIN, 75, 0,
     "an invalid box falls back to INBOX: it would never become valid by "
     "waiting (2.1)"),
]


def outcome(w, program, arguments, given, name=NAME):
    """Runs one program into a fresh Maildir: exit status, octets."""
    shutil.rmtree(HOME, ignore_errors=True)
    w.make_home(NAME)
    make_maildir(HOME + "/Maildir", 5000)
    file = w.path("peer-input")
    write(file, given)
    arguments = [a if isinstance(a, bytes) else a.replace("{file}", file)
                 for a in arguments]
    done = subprocess.run(
        [*program, "-d", name, *arguments], input=given, user=5000,
        group=5000, extra_groups=[], cwd="/", env={}, umask=0o077,
        capture_output=True, timeout=30)
    found = mails(HOME + "/Maildir")
    true(len(found) <= 1, "more than one mail")
    true(os.listdir(HOME) == ["Maildir"], "home holds %s" % os.listdir(HOME))
    return done.returncode, read(found[0]) if found else None


def set_up(w):
    w.users_file(NAME)
    return ([DOVECOT_LDA, "-c", w.dovecot.conf], [w.lda])


@test("dovecot-lda", "dovecot")
def the_same_command_line_does_the_same(w):
    theirs, ours = set_up(w)
    wrong = []
    for what, arguments, given in SAME:
        want = outcome(w, theirs, arguments, given)
        got = outcome(w, ours, arguments, given)
        try:
            same(got[0], want[0], what + ": exit status")
            same(got[1], want[1], what + ": octets delivered")
        except AssertionError as difference:
            wrong.append(str(difference))
    true(not wrong, "\n".join(wrong))


@test("dovecot-lda", "dovecot")
def a_prefix_of_the_folder_name_does_the_same(w):
    """Dovecot wants the prefix of its namespace, lda takes it off."""
    theirs, ours = set_up(w)
    theirs += ["-o", "namespace/inbox/prefix=INBOX/"]
    for box, want in (("INBOX/work", ".work"), ("INBOX/nothere", ""),
                      ("INBOX/", ""), ("INBOX", "")):
        for program in (theirs, ours):
            shutil.rmtree(HOME, ignore_errors=True)
            make_maildir(os.path.join(w.make_home(NAME), "Maildir"), 5000)
            make_maildir(HOME + "/Maildir/.work", 5000)
            done = subprocess.run(
                [*program, "-d", NAME, "-m", box], input=PLAIN, user=5000,
                group=5000, extra_groups=[], cwd="/", env={}, umask=0o077,
                capture_output=True, timeout=30)
            same(done.returncode, 0, "%s -m %s" % (program[0], box))
            found = mails(HOME + "/Maildir", want)
            same([read(path) for path in found], [PLAIN],
                 "%s -m %s" % (program[0], box))


@test("dovecot-lda", "dovecot")
def where_it_differs_it_is_meant_to(w):
    theirs, ours = set_up(w)
    wrong = []
    for what, arguments, given, want_theirs, want_ours, why in DIFFERENT:
        for program, want in ((theirs, want_theirs), (ours, want_ours)):
            got, content = outcome(w, program, arguments, given)
            try:
                same(got, want, "%s: exit status of %s (%s)" % (
                    what, program[0], why))
                true((content is not None) == (got == 0),
                     what + ": status %d, mail %r" % (got, content))
                if program is ours and got == 0:
                    same(content, given, what + ": octets delivered")
            except AssertionError as difference:
                wrong.append(str(difference))
    true(not wrong, "\n".join(wrong))


@test("dovecot-lda", "dovecot")
def an_unknown_user_is_67_for_both(w):
    theirs, ours = set_up(w)
    for program in (theirs, ours):
        same(outcome(w, program, [], PLAIN, "nobody-here@peers.invalid"),
             (67, None), "of " + program[0])


@test("dovecot-lda", "dovecot")
def both_read_what_the_other_has_delivered(w):
    """One Maildir, used by turns: neither minds the names of the other."""
    theirs, ours = set_up(w)
    shutil.rmtree(HOME, ignore_errors=True)
    w.make_home(NAME)
    for number in range(6):
        program = (theirs, ours)[number % 2]
        done = subprocess.run(
            [*program, "-d", NAME], input=PLAIN.replace(
                b"<1@", b"<%d@" % number), user=5000, group=5000,
            extra_groups=[], cwd="/", env={}, umask=0o077,
            capture_output=True, timeout=30)
        same(done.returncode, 0, "of " + program[0])
    imap = w.dovecot.login(NAME)
    try:
        same(imap.select("INBOX")[1], [b"6"], "EXISTS")
        ids = [imap.fetch("%d" % n, "(BODY.PEEK[HEADER.FIELDS "
                                    "(MESSAGE-ID)])")[1][0][1]
               for n in range(1, 7)]
        same(sorted(int(line.split(b"<")[1].split(b"@")[0]) for line in ids),
             list(range(6)), "what is there")
    finally:
        imap.logout()
