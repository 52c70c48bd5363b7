"""cases.py - what a system test is made of.

A test is a function that takes the world and raises AssertionError when the
product is wrong.  The decorator writes it into the one list that the runner
walks, with what it needs from the machine; a test whose needs are not met is
skipped by name, never silently left out.
"""

import re

tests = []

NAME = re.compile(
    r"^\d+\.M\d+P\d+Q\d+R[0-9a-f]+\.(?P<host>[^/:,]+)"
    r",S=(?P<size>\d+),W=(?P<wire>\d+)$")


class Skip(Exception):
    """Raised inside a test when only the test can find out that it cannot
    run here."""


class Test:
    def __init__(self, function, needs, start):
        self.function = function
        self.needs = needs
        self.start = start
        self.room = function.__module__.removeprefix("test_")
        self.name = self.room + ": " + function.__name__.replace("_", " ")


def test(*needs, start=None):
    """Lists a test.  needs: names of Machine.has.  start: called once before
    the first test of the run, its result is handed to the test as second
    argument; for what takes long and can go on beside the others."""
    def keep(function):
        tests.append(Test(function, needs, start))
        return function
    return keep


def same(got, want, what="value"):
    """Equal, or both are shown; long octet strings only where they part."""
    if got == want:
        return
    if isinstance(got, bytes) and isinstance(want, bytes):
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b),
                  min(len(got), len(want)))
        got = "%d octets, at %d: %r" % (len(got), at, got[at:at + 80])
        want = "%d octets, at %d: %r" % (len(want), at, want[at:at + 80])
    raise AssertionError("%s\n    got  %s\n    want %s" % (what, got, want))


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def has(text, *words):
    """Every word, given as a regular expression, is found in text."""
    for word in words:
        if not re.search(word, text):
            raise AssertionError("%r is not in\n    %s" % (word, text))


def lacks(text, *words):
    for word in words:
        if re.search(word, text):
            raise AssertionError("%r should not be in\n    %s" % (word, text))


def reply_is_public(text):
    """A reply may reach the sender: no path, uid or errno text in it.  Mail
    addresses and the caller's own words are taken out first."""
    bare = re.sub(r"<[^>]*>", "", text)
    lacks(bare, r"(^|\s)/\w", r"\b(uid|gid|euid|errno)\b",
          r"Permission denied|No such file")
    true(len(text) <= 400, "reply is longer than 400: %d" % len(text))
    true("\n" not in text, "reply holds a newline: %r" % text)


def name_is_exact(name, content):
    """A Maildir file name whose S= and W= are those of its content."""
    found = NAME.match(name)
    true(found, "not a name of ours: %r" % name)
    same(int(found["size"]), len(content), "S= of " + name)
    bare_lines = content.count(b"\n") - content.count(b"\r\n")
    same(int(found["wire"]), len(content) + bare_lines, "W= of " + name)
