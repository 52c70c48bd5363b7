"""documents.py - README and the manuals, as those read them who copy from them.

A block is what a manual has between .Bd -literal and .Ed or behind .Dl, and
README indented by four.  In the manuals of section 7 a comment line before each
says what to do with it; play() does it, in order, as root would:

    .\\" write FILE     the block is the whole of the file
    .\\" append FILE    it goes behind what is there
    .\\" run            lines that begin with "# " are commands; what stands
                       below one is what it prints, "..." for any text
    .\\" not run         for the reader alone

Other blocks are asked for by their first words (block).  What nobody tries
stands in NOT_TRIED with the reason, and nowhere else.
"""

import os
import re
import subprocess
import tempfile
import time

from cases import true
from world import read

SOURCE = os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__))))
ACTION = re.compile(r'\.\\" (write|append|run|not run) ?(.*)$')
SECONDS = 30

# Document, first words, why.
NOT_TRIED = [
    ("README", "make run\n", "tests/proof/part_debian does"),
    ("README", "make deps test\n", "this is it"),
    ("README", "make\nmake install\n",
     "each run of the system tests begins with it"),
    ("README", "make scoreboard\n", "minutes long, and needs the peers"),
    ("README", "  agent ", "what it prints"),
    ("README", "* Deliver to anything but", "a list"),
    ("README", "lda(8), lda.conf(5), lda-lmtp(8)", "a list"),
    ("README", "program                ms", "make bench prints it"),
    ("lda.conf.5", "user:password:uid", "names of fields"),
    ("lda-backends.7", "eve@a.example.com ", "a line of another block"),
    ("lda-before.7", "mail_location = lmtp:unix:/run/cyrus",
     "test_lmtp_client.py does, with a Cyrus of its own"),
    ("lda-before.7", "argv=/usr/sbin/cyrdeliver", "a line of Cyrus's own"),
    ("lda-many-uids.7", "# cp packaging/systemd",
     "there is no systemd; test_lmtp.py tries these units"),
    ("lda-migration.7", "argv=/usr/lib/dovecot/deliver",
     "lda-virtual-pipe.7 and test_peers.py do"),
    ("lda-migration.7", "mail_location = maildir:/srv/mail/%d/%n\n"
     "recipient_delimiter = +\nuserdb {", "Dovecot's"),
    ("lda-nfs.7", "filer:/mail", "there is no NFS server here"),
    ("lda-spool.7", "# dpkg-statoverride", "tests/proof/part_debian does"),
    ("lda-system-users.7", "root: bob", "the Postfix of the tests has none"),
    ("lda-system-users.7", "mail_location = mbox:~/mail", "Dovecot's"),
]


class Block:
    def __init__(self, document, line, text, action=None):
        self.document, self.line, self.text = document, line, text
        self.action = action    # (word, argument) or None
        self.used = False

    def __str__(self):
        return "%s, line %d: %r" % (
            self.document, self.line, self.text.split("\n")[0])


def plain(line):
    """A line of mdoc(7) as it is printed."""
    return line.replace("\\&", "").replace("\\e", "\\")


def manual_blocks(name, text):
    found, action, since = [], None, None
    for number, line in enumerate(text.split("\n"), 1):
        if since is None and line.startswith(".Bd -literal"):
            since, lines = number, []
        elif since is not None and line == ".Ed":
            found.append(Block(name, since, "\n".join(lines) + "\n", action))
            since = action = None
        elif since is not None:
            lines.append(plain(line))
        elif line.startswith(".Dl "):
            found.append(Block(name, number, plain(line[4:]) + "\n", action))
            action = None
        else:
            is_action = ACTION.match(line)
            if is_action:
                action = is_action.groups()
    return found


def readme_blocks(name, text):
    """A line without indentation, or two empty ones, end a block."""
    found = []
    for match in re.finditer(r"(?m)(?:^(?:    .*)\n(?:\n(?=    ))?)+", text):
        found.append(Block(
            name, text.count("\n", 0, match.start()) + 1,
            re.sub(r"(?m)^    ", "", match[0]).strip("\n") + "\n"))
    return found


def read_all():
    """All of them.  Read when this module is, because the checkout may lie
    where the world hides it."""
    directory = os.path.join(SOURCE, "lda")
    found = {"README": readme_blocks(
        "README", read(os.path.join(SOURCE, "README")).decode())}
    for name in sorted(os.listdir(directory)):
        if re.fullmatch(r"[\w.-]+\.[578]", name):
            found[name] = manual_blocks(
                name, read(os.path.join(directory, name)).decode())
    return found


BLOCKS = read_all()


def block(document, beginning):
    """The text of the one block that begins so."""
    found = [b for b in BLOCKS[document] if b.text.startswith(beginning)]
    true(len(found) == 1, "%s has %d blocks that begin with %r" % (
        document, len(found), beginning))
    found[0].used = True
    return found[0].text


def not_tried():
    """Blocks that no test asks for and NOT_TRIED does not have, and rows of
    NOT_TRIED that there is no such block for, or that is tried."""
    wrong = [str(b) for blocks in BLOCKS.values() for b in blocks
             if not b.used and (not b.action or b.action[0] == "not run")
             and not any(b.document == row[0] and b.text.startswith(row[1])
                         for row in NOT_TRIED)]
    for name, beginning, _ in NOT_TRIED:
        if not any(b.text.startswith(beginning) and not b.used
                   and (not b.action or b.action[0] == "not run")
                   for b in BLOCKS.get(name, [])):
            wrong.append("NOT_TRIED has %s, %r" % (name, beginning))
    return wrong


# Playing a manual of section 7.

def commands(text):
    """Pairs of a command, with its continued lines, and what it prints."""
    found = []
    for line in text.split("\n")[:-1]:
        if line.startswith("# "):
            found.append([line[2:], []])
        elif found and found[-1][0].endswith("\\"):
            found[-1][0] = found[-1][0] + "\n" + line
        else:
            true(found, "a block that is run begins with %r" % line)
            found[-1][1].append(line)
    return found


def pattern_of(lines):
    """What these lines of the manual say, for what was printed."""
    return re.compile("".join(
        r"(?:.*\n)+?" if line == "..." else
        re.escape(line).replace(r"\.\.\.", ".*") + r"\n" for line in lines))


def run_command(command, printed, environment):
    """Once; but one that only shows something is asked again until it shows
    what the manual says, for mail is on its way."""
    want = pattern_of(printed) if printed else None
    until = time.monotonic() + SECONDS
    while True:
        # Not a pipe: what is started in the background keeps its outputs.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                ["/bin/bash", "-c", command], cwd="/", env=environment,
                stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            said.seek(0)
            text = said.read().decode("utf-8", "replace").replace("\r", "")
        if done.returncode == 0 and (not want or want.fullmatch(text)):
            return
        if not want or time.monotonic() > until:
            raise AssertionError("# %s\n    status %d, printed\n    %s" % (
                command, done.returncode, text.replace("\n", "\n    ")
                + ("wanted\n    " + "\n    ".join(printed) if want else "")))
        time.sleep(0.05)


def play(document, changes=(), before_run=None, **environment):
    """changes: pairs of what this machine has to have in another way.
    before_run: called before each block that is run."""
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                   "/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                   **environment}
    for one in BLOCKS[document]:
        true(one.action, "%s: nothing says what to do with it" % one)
        word, argument = one.action
        text = one.text
        for old, new in changes:
            text = text.replace(old, new)
        if word in ("write", "append"):
            with open(argument, "w" if word == "write" else "a") as f:
                f.write(text)
        elif word == "run":
            if before_run:
                before_run()
            for command, printed in commands(text):
                try:
                    run_command(command, printed, environment)
                except AssertionError as wrong:
                    raise AssertionError("%s\n%s" % (one, wrong)) from None
