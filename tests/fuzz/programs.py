#!/usr/bin/env python3
"""programs.py - whole programs fuzzed: messages, command lines, LMTP sessions,
socketmap queries and lda.conf, made from samples at random.

Whatever they are fed, lda, lda-lmtp and lda-verify keep their contract: the
exit statuses of DESIGN 2.2, one reply that Postfix understands, mail that is
delivered once where they say so and not at all where they do not, and the
octets that came.  Built with ASan and UBSan, of which any report is a failure.

usage: programs.py DIRECTORY [runs [seed]]

DIRECTORY has lda, lda-lmtp and lda-verify.  The programs run as a user without
rights (as root: uid 60001) in a directory of their own.  Exit status: 0, or 1
where something broke, and then the input is kept beside the programs.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

UID = 60001
STATUSES = {0, 65, 67, 69, 75, 77}
REPLY = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3} [ -~]*\Z")
LINE = re.compile(rb"[2-5][0-5][0-9][ -][ -~]*\r\n")
USERS = ("bob", "ann@example.com", "box")

MESSAGES = [
    b"From: a@b\nSubject: x\n\nbody\n",
    b"From a@b  Wed Jan  1 00:00:00 2025\nReturn-Path: <c@d>\n"
    b"X-Original-To: bob+x@example.com\nDelivered-To: bob@example.com\n"
    b"Received: from x (y [192.0.2.1])\n\tby z (Postfix) with ESMTP id Q1\n"
    b"\tfor <bob@example.com>; Wed, 25 Nov 2026 21:30:00 +0100\n"
    b"Message-ID: <1@2>\nStatus: RO\nX-UID: 7\n\nFrom here\n>From there\n.\n",
    b"Subject: crlf\r\n\r\none\r\ntwo\rthree\r\r\n.\r\n",
    b"no header at all",
    b"A: b\n\n" + b"x" * 70 + b"\n" + b"\0\xff\x80 From \n",
]
ADDRESSES = [b"a@b", b"<>", b"MAILER-DAEMON", b'"a b"@c', b"bob+work@d",
             "büro@ö".encode(), b"", b"a_b@c", b"-f", b"@", b"a\nb@c"]
FOLDERS = [b"", b"INBOX", b"Work", b"a/b/c", b"../x", b"~/x", b"INBOX/INBOX",
           "Büro".encode(), b"x" * 300, b"a..b", b"&AOk-", b"cur"]
SESSION = [
    b"LHLO me\r\n", b"MAIL FROM:<a@b>\r\n", b"MAIL FROM:<> SIZE=100\r\n",
    b"RCPT TO:<bob>\r\n", b"RCPT TO:<ann@example.com>\r\n",
    b"RCPT TO:<box>\r\n", b"RCPT TO:<bob+x>\r\n", b"RCPT TO:<eve>\r\n",
    b"DATA\r\n", b"Subject: x\r\n\r\nhello\r\n.\r\n", b".\r\n", b"RSET\r\n",
    b"NOOP\r\n", b"QUIT\r\n", b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"AUTH PLAIN\r\n",
    b"BDAT 3\r\n", b"x\r\n..y\r\n", b'RCPT TO:<"bob"@x> ORCPT=rfc822;a+40b\r\n']
TRANSACTION = (b"MAIL FROM:<a@b>\r\nRCPT TO:<%s>\r\nDATA\r\n"
               b"Subject: x\r\n\r\nhello\r\n.\r\n")
QUERIES = [b"rcpt bob", b"rcpt ann@example.com", b"rcpt eve", b"rcpt box+y",
           b"quota bob@example.com", b"none bob", b"rcpt", b"rcpt \x01",
           b"rcpt " + b"x" * 1200]
SETTINGS = [
    b"mail_location = maildir:/nowhere/%u", b"mail_location = mbox:/n:INBOX=/i",
    b"mail_location = lmtp:inet:127.0.0.1:1", b"userdb = static",
    b"userdb = passwd, cdb:/nowhere", b"message_size_limit = 10M",
    b"quota_rule = *:storage=1G", b"quota_grace = 10%", b"mail_fsync = never",
    b"mydestination = a,\n b c", b"# c", b"auth_username_format = %Lu",
    b"mbox_write_locks = fcntl dotlock", b"delivery_timeout = 5 mins",
    b"deliver_log_format = %m %s %$", b"plugin/x = y", b"mail_home = /h/%d/%n",
    b"lda_mailbox_autocreate = yes", b"mynetworks = 127.0.0.0/8 [::1]/128",
    b"recipient_delimiter = +-", b"syslog_facility = local3"]
WORDS = [b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b"From ", b"\n\n", b".",
         b"%u", b"%{user|lower}", b"=", b"\xff", b"\xc3\xa9", b"<", b">", b'"',
         b"\\", b"@", b"+", b"\r", b",", b"0", b"999999999999", b"-", b"/", b".."]


class Broken(Exception):
    """What must hold does not."""


def require(holds, what, *facts):
    if not holds:
        raise Broken(what + "".join(" %r" % (fact,) for fact in facts))


def mutate(rng, octets, most=6):
    """A few changes; often none, so that what is deep is reached."""
    octets = bytearray(octets)
    for _ in range(rng.choice((0, 1, 1, 2, most))):
        at = rng.randint(0, len(octets))
        end = min(len(octets), at + rng.randint(1, 20))
        kind = rng.randrange(6)
        if kind == 0:
            octets[at:at] = rng.choice(WORDS)
        elif kind == 1:
            octets[at:end] = rng.choice(WORDS)
        elif kind == 2:
            del octets[at:end]
        elif kind == 3:
            octets[at:at] = octets[at:end] * rng.randint(1, 40)
        elif kind == 4 and at < len(octets):
            octets[at] = rng.randrange(256)
        elif rng.randrange(4) == 0:
            del octets[at:]
    return bytes(octets)


def as_argument(octets):
    return octets.replace(b"\0", b"")[:5000]


def model(message):
    """message.h: CRLF is LF, one From_ line is off."""
    message = message.replace(b"\r\n", b"\n")
    if message.startswith(b"From ") and b"\n" in message:
        message = message.split(b"\n", 1)[1]
    return message


class Bench:
    """The programs, and the only place that they may write to."""

    def __init__(self, programs, scratch):
        self.programs, self.scratch = programs, scratch
        self.mails_told = self.answers = self.configs = 0
        self.config = os.path.join(scratch, "lda.conf")
        self.mail = os.path.join(scratch, "mail")
        self.reports = os.path.join(scratch, "report")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(
                f"userdb = passwd-file:{scratch}/users\n"
                f"mail_home = {scratch}/home/%u\n"
                f"mail_location = maildir:{self.mail}/%u\n"
                f"syslog_socket = {scratch}/log\nfirst_valid_uid = 1\n"
                "mail_fsync = never\nlda_mailbox_autocreate = yes\n")
        with open(os.path.join(scratch, "users"), "w",
                  encoding="ascii") as file:
            for name in USERS:
                more = (f"userdb_mail=mbox:{self.mail}/{name}"
                        if name == "box" else "")
                file.write(f"{name}:::::::{more}\n")
        for name in ("mail", "home", "tmp"):
            os.mkdir(os.path.join(scratch, name))
        if os.geteuid() == 0:
            for path in [scratch] + [os.path.join(scratch, name)
                                     for name in os.listdir(scratch)]:
                os.chown(path, UID, UID)

    def clear(self):
        for name in os.listdir(self.mail):
            shutil.rmtree(os.path.join(self.mail, name))

    def run(self, program, *args, stdin=b"", postfix=True):
        environment = {
            "TMPDIR": self.scratch + "/tmp",
            # Reports, not the programs' own handlers.
            "ASAN_OPTIONS": "exitcode=99:handle_segv=2:handle_abort=2:"
                            f"handle_sigfpe=2:log_path={self.reports}",
            "UBSAN_OPTIONS": f"exitcode=99:log_path={self.reports}"}
        if postfix:
            environment["MAIL_CONFIG"] = "/etc/postfix"
        who = {"user": UID, "group": UID, "extra_groups": []} \
            if os.geteuid() == 0 else {}
        done = subprocess.run(
            [os.path.join(self.programs, program), *args], input=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
            env=environment, cwd=self.scratch, check=False, **who)
        for name in os.listdir(self.scratch):
            if name.startswith("report."):
                with open(os.path.join(self.scratch, name),
                          encoding="utf-8", errors="replace") as file:
                    raise Broken("a sanitizer reports:\n" + file.read()[:4000])
        require(done.returncode != 99 and done.returncode >= 0,
                "it died", done.returncode, done.stderr)
        return done

    def mails(self):
        """Octets of every mail that a reader would see, and of debris."""
        seen, debris = [], []
        for above, _, names in os.walk(self.mail):
            for name in names:
                path = os.path.join(above, name)
                with open(path, "rb") as file:
                    octets = file.read()
                part = os.path.basename(above)
                if part == "new":
                    seen.append(octets)
                elif part == "tmp" or name.endswith((".lock", ".lda-new")):
                    debris.append(name)
                elif above.startswith(self.mail + "/box"):
                    seen += split(octets)
        return seen, debris


def split(mbox):
    """The mails of an mbox, as a reader of mboxrd takes it apart."""
    if mbox == b"":
        return []
    require(mbox.startswith(b"From ") and mbox.endswith(b"\n\n"),
            "this is no mbox", mbox[:200], mbox[-20:])
    mails = []
    for text in re.split(rb"(?:\A|(?<=\n\n))From [^\n]*\n", mbox)[1:]:
        mails.append(re.sub(rb"^>(>*From )", rb"\1", text[:-1],
                            flags=re.MULTILINE))
    return mails


def check_answer(done):
    require(done.returncode in STATUSES, "no such status", done.returncode,
            done.stdout, done.stderr)
    require(done.stderr == b"", "words on stderr", done.stderr)
    if done.returncode == 0:
        require(done.stdout == b"", "words on success", done.stdout)
        return
    require(REPLY.match(done.stdout) and len(done.stdout) <= 400,
            "this is no reply", done.stdout)
    require(b"internal error" not in done.stdout, "it crashed", done.stdout)
    require((done.returncode == 75) == (done.stdout[:1] == b"4"),
            "status and code differ", done.returncode, done.stdout)


def fuzz_lda(bench, rng):
    """One delivery."""
    message = mutate(rng, rng.choice(MESSAGES))
    if rng.randrange(12) == 0:
        message += rng.choice((b"y\n", b"\r\n", b"z\r")) * 70000
    user = rng.choice(USERS).encode()
    if rng.randrange(6) == 0:
        user = as_argument(mutate(rng, user))
    args = ["-c", bench.config, "-d", user]
    for flag, values in (("-f", ADDRESSES), ("-a", ADDRESSES),
                         ("-r", ADDRESSES), ("-m", FOLDERS)):
        if rng.randrange(2):
            args += [flag, as_argument(mutate(rng, rng.choice(values)))]
    done = bench.run("lda", *args, stdin=message)
    check_answer(done)
    seen, debris = bench.mails()
    require(debris == [], "something was left", debris)
    if done.returncode != 0:
        require(seen == [], "not delivered, and there it is", seen[:1])
        require(done.returncode in (75, 67), "that is for good",
                done.returncode, done.stdout)
        return
    require(len(seen) == 1, "delivered once", len(seen))
    bench.mails_told += 1
    want = model(message)
    if user == b"box":
        # What mail stores tell themselves is left out of a header.
        if b"\n" not in want or want.startswith(b"\n"):
            require(seen[0].rstrip(b"\n") == want.rstrip(b"\n"),
                    "another mail", seen[0], want)
    else:
        require(seen[0] == want, "another mail", seen[0][:300], want[:300])


def fuzz_lmtp(bench, rng):
    """One session: as many mails as it was told."""
    octets = b"LHLO me\r\n"
    for _ in range(rng.randint(1, 5)):
        if rng.randrange(2):
            octets += TRANSACTION % rng.choice(USERS).encode()
        else:
            octets += b"".join(rng.choice(SESSION)
                               for _ in range(rng.randint(1, 8)))
    octets = mutate(rng, octets)
    done = bench.run("lda-lmtp", "-c", bench.config, stdin=octets,
                     postfix=False)
    require(done.stderr == b"", "words on stderr", done.stderr)
    require(done.returncode in (0, 75), "no such status", done.returncode)
    replies = LINE.findall(done.stdout)
    require(b"".join(replies) == done.stdout, "these are no replies",
            done.stdout)
    require(all(len(line) <= 512 for line in replies), "a long line")
    require(b"internal error" not in done.stdout, "it crashed", done.stdout)
    seen, debris = bench.mails()
    require(debris == [], "something was left", debris)
    least = most = 0
    for part in done.stdout.split(b"\r\n354 ")[1:]:
        told = re.findall(rb"(?m)^250 2\.0\.0 <([^>]*)>", part)
        most += len(told)
        least += len({name.replace(b'"', b"").lower() for name in told})
    require(least <= len(seen) <= most, "told and delivered differ",
            (least, most), len(seen), octets, done.stdout)
    bench.mails_told += len(seen)


def netstrings(octets):
    """Those at the beginning of octets, and whether what follows is none."""
    found = []
    while True:
        head = re.match(rb"(0|[1-9][0-9]*):", octets)
        if head is None or int(head[1]) > 10000:
            return found
        end = head.end() + int(head[1])
        if octets[end:end + 1] != b",":
            return found
        found.append(octets[head.end():end])
        octets = octets[end + 1:]


def fuzz_verify(bench, rng):
    """One connection: an answer to each question."""
    octets = b"".join(
        b"%d:%s," % (len(query), query)
        for query in (mutate(rng, rng.choice(QUERIES))
                      for _ in range(rng.randint(1, 6))))
    if rng.randrange(3) == 0:
        octets = mutate(rng, octets)
    done = bench.run("lda-verify", "-c", bench.config, stdin=octets,
                     postfix=False)
    require(done.stderr == b"", "words on stderr", done.stderr)
    require(done.returncode in (0, 75), "no such status", done.returncode)
    asked, told = netstrings(octets), netstrings(done.stdout)
    require(sum(len(b"%d:," % len(text)) + len(text) for text in told) ==
            len(done.stdout), "these are no netstrings", done.stdout)
    require(len(told) == len(asked), "questions and answers", asked, told)
    bench.answers += len(told)
    for question, answer in zip(asked, told):
        require(re.match(rb"(OK|NOTFOUND|TEMP|PERM) [ -~]*\Z", answer),
                "this is no answer", question, answer)
        if question.startswith(b"rcpt ") and answer.startswith(b"OK "):
            require(answer[3:].decode() in USERS, "nobody knows him", question,
                    answer)


def fuzz_config(bench, rng):
    """One lda.conf, shown and tried; nothing is delivered."""
    lines = [rng.choice(SETTINGS) for _ in range(rng.randint(1, 6))]
    octets = mutate(rng, b"\n".join(lines) + b"\n")
    path = os.path.join(bench.scratch, "fuzzed.conf")
    with open(path, "wb") as file:
        file.write(octets)
    socket = f"syslog_socket={bench.scratch}/log"
    for args in (("-n",), ("-t", "-d", rng.choice(USERS))):
        done = bench.run("lda", "-c", path, "-o", socket, *args,
                         postfix=False)
        require(done.returncode in STATUSES, "no such status",
                done.returncode, octets, done.stdout)
        require(b"internal error" not in done.stdout + done.stderr,
                "it crashed", octets)
        bench.configs += done.returncode == 0
    # Under Postfix such a trial must never be taken for a delivery.
    done = bench.run("lda", "-c", path, "-o", socket, "-n")
    require(done.returncode == 75 and REPLY.match(done.stdout),
            "a trial is no delivery", done.returncode, done.stdout)
    require(bench.mails() == ([], []), "nothing was to be delivered")


KINDS = (fuzz_lda, fuzz_lmtp, fuzz_verify, fuzz_config)


def main():
    programs = os.path.abspath(sys.argv[1])
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    broken = 0
    scratch = tempfile.mkdtemp(prefix="lda-fuzz.")
    try:
        os.chmod(scratch, 0o755)
        # Users without rights may not get to where the checkout is.
        for name in ("lda", "lda-lmtp", "lda-verify"):
            shutil.copy(os.path.join(programs, name), scratch)
        bench = Bench(scratch, scratch)
        for kind in KINDS:
            for number in range(runs):
                rng = random.Random(f"{kind.__name__} {seed} {number}")
                bench.clear()
                try:
                    kind(bench, rng)
                except (Broken, subprocess.TimeoutExpired) as what:
                    broken += 1
                    print(f"{kind.__name__} seed {seed} number {number}: "
                          f"{str(what)[:3000]}")
                    for name in os.listdir(scratch):
                        if name.startswith("report."):
                            os.unlink(os.path.join(scratch, name))
                    if broken == 10:
                        break
        # Where nothing goes well, nothing is shown by it.
        if min(bench.mails_told, bench.answers, bench.configs) < runs // 10:
            broken += 1
        print(f"seed {seed}: {len(KINDS) * runs} runs, {bench.mails_told} "
              f"mails, {bench.answers} answers, {bench.configs} settings, "
              f"{broken} broken")
    finally:
        shutil.rmtree(scratch)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
