"""letters.py - the messages that the tests send, and what must become of
them on the way through Postfix."""

import itertools
import os
import re

from cases import has, name_is_exact, same, true
from world import debris, mails, read

count = itertools.count(1)

RECEIVED = re.compile(
    rb"Received: from client\.invalid [^\n]*\n(?:[ \t][^\n]*\n)+")
QUEUE_ID = re.compile(rb"\bid (\w+)")


class Letter:
    """A message (octets with LF) and its Message-Id."""

    def __init__(self, body=b"Hello.\n", more=b""):
        self.id = "<%d.%d@letters.invalid>" % (os.getpid(), next(count))
        self.octets = (b"From: A Sender <sender@letters.invalid>\n"
                       b"Message-Id: " + self.id.encode() + b"\n"
                       b"Date: Sat, 1 Mar 2025 12:00:00 +0000\n"
                       b"Subject: a letter\n" + more + b"\n" + body)


def hostile():
    """What SMTP can carry of what a mail program may choke on."""
    return (b"From nobody Sat Mar  1 12:00:00 2025\n>From nobody\n"
            b".\n..\n.x\nNUL \0 and CR \r inside\n"
            + bytes(range(128, 256)) + b"\n\n\n"
            + b"x" * 3000000 + b"\nFrom the end\n")


def only_mail(maildir, *parts):
    """The one mail in a folder, and no debris: its path and octets."""
    found = mails(maildir, *parts)
    same(len(found), 1, "number of mails in " + os.path.join(maildir, *parts))
    same(debris(maildir, *parts), [], "tmp/")
    content = read(found[0])
    name_is_exact(os.path.basename(found[0]), content)
    return found[0], content


def no_mail(maildir):
    """Nothing that a reader can see, and nothing left over."""
    same(mails(maildir), [], "mails in " + maildir)
    same(debris(maildir), [], "tmp/ of " + maildir)


def whole(content, prepended, letter, queue_id):
    """content is what Postfix prepended, its Received line, the letter."""
    same(content[:len(prepended)], prepended, "prepended headers")
    received = RECEIVED.match(content, len(prepended))
    true(received, "no Received line where it should be: %r"
         % content[len(prepended):][:200])
    same(QUEUE_ID.search(received[0])[1].decode(), queue_id, "queue id")
    same(content[received.end():], letter.octets, "the letter")


def sent(result, service):
    """Postfix has sent it and has nothing to add."""
    same(result.status, "sent", "status, with " + str(result))
    same(result.dsn, "2.0.0", "dsn")
    same(result.text, "delivered via %s service" % service, "text")


def deferred(result, dsn):
    same(result.status, "deferred", "status, with " + str(result))
    same(result.dsn, dsn, "dsn, with " + str(result))


def bounced(result, dsn):
    same(result.status, "bounced", "status, with " + str(result))
    same(result.dsn, dsn, "dsn, with " + str(result))


def saved(log, user, letter, folder="INBOX", **values):
    """The one log line of a delivery has these values."""
    lines = [line for line in log.splitlines() if "saved mail" in line]
    same(len(lines), 1, "lines about a saved mail in\n    " + log)
    begin = "lda(%s): msgid=%s: saved mail to %s " % (user, letter.id, folder)
    same(lines[0][:len(begin)], begin, "log line")
    pairs = dict(re.findall(r" (\w+)=(<[^>]*>|\S+)",
                            lines[0][len(begin) - 1:]))
    for name, value in values.items():
        same(pairs.get(name), str(value), "%s= in %s" % (name, lines[0]))
    has(lines[0], r" ms=\d+(\.\d+)?")
