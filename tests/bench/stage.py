"""stage.py - where the measurements happen: a private world (tests/system),
two places for mail in it, one in memory and one on the disk, and the results.
"""

import os
import shutil
import subprocess
import time

import plot
import world

DOMAIN = "bench.invalid"
UID = 5000      # vmail, of tests/system/world.py
LIMIT = "1000000000S"

HEADER = b"""\
Return-Path: <alice@example.org>
X-Original-To: bob@bench.invalid
Delivered-To: bob@bench.invalid
Received: from mail.example.org (mail.example.org [192.0.2.25])
\tby mx.example.com (Postfix) with ESMTPS id 4jWcB91Vz2z1q
\tfor <bob@bench.invalid>; Mon,  5 Jan 2026 10:00:00 +0100 (CET)
From: Alice <alice@example.org>
To: bob@bench.invalid
Subject: a message of some length
Message-ID: <20260105090000.1@example.org>
Date: Mon, 5 Jan 2026 10:00:00 +0100

"""

DOVECOT_CONF = """\
base_dir = {top}/base
state_dir = {top}/state
log_path = syslog
protocols = lmtp
ssl = no
first_valid_uid = 100
mail_location = maildir:~/Maildir
mail_plugin_dir = /usr/lib/dovecot/modules
default_login_user = dovenull
default_internal_user = dovecot
default_client_limit = 1000
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {users}
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
    user = vmail
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


def take_results(directory):
    """Opened before the world is entered: afterwards the checkout can only be
    read."""
    os.makedirs(directory, exist_ok=True)
    return Results(directory)


class Results:
    """Tables and plots, to the terminal and to files that are open already."""

    def __init__(self, directory):
        self.verdicts = []
        self.report = open(os.path.join(directory, "report.txt"), "w")
        # A plot stays until another one takes its place.
        self.plots = {name: os.open(os.path.join(
            directory, name + ".svg"), os.O_WRONLY | os.O_CREAT, 0o644)
            for name in ("sizes", "growth")}

    def note(self, text):
        print(text, flush=True)
        self.report.write(text + "\n")
        self.report.flush()

    def table(self, title, heads, rows):
        """Columns as wide as need be: the first to the left, numbers to the
        right."""
        rows = [[str(cell) for cell in row] for row in [heads, *rows]]
        widths = [max(len(row[i]) for row in rows)
                  for i in range(len(heads))]
        self.note("\n" + title + "\n")
        for number, row in enumerate(rows):
            self.note("    " + "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
            if number == 0:
                self.note("    " + "-" * (sum(widths) + 2 * len(widths) - 2))

    def verdict(self, what, reached, target, *, at_least):
        """What is aimed at, what came of it, and whether that is enough.
        reached None: it could not be measured here."""
        if reached is None:
            text = "not measured"
        else:
            good = reached >= target if at_least else reached <= target
            text = "measured %.2f: %s" % (reached,
                                          "ok" if good else "MISSED")
        self.verdicts.append("%s: target %s %g, %s" % (
            what, "at least" if at_least else "at most", target, text))
        self.note("    " + self.verdicts[-1])

    def draw(self, name, **what):
        text = plot.svg(**what).encode()
        os.ftruncate(self.plots[name], 0)
        os.pwrite(self.plots[name], text, 0)


class Place:
    """A directory for mailboxes on one kind of file system."""

    def __init__(self, name, path):
        self.name = name
        self.path = path
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o755)

    def home(self, name):
        """A fresh home with a Maildir that has a quota."""
        home = os.path.join(self.path, name)
        shutil.rmtree(home, ignore_errors=True)
        os.mkdir(home, 0o700)
        os.chown(home, UID, UID)
        world.make_maildir(os.path.join(home, "Maildir"), UID)
        return home

    def clear(self):
        for name in os.listdir(self.path):
            shutil.rmtree(os.path.join(self.path, name), ignore_errors=True)


class Stage:
    def __init__(self, scratch, disk, source, build, deep, results):
        self.deep = deep
        self.results = results
        # Before everything becomes read-only: where it can be written again.
        world.mount("--bind", disk, disk)
        tools = {name: world.read(os.path.join(build, "bench", name))
                 for name in ("feed", "floor", "floor-work", "sink", "spawn",
                              "lmtp_load")}
        self.world = world.World(scratch, world.Machine())
        self.world.build(source, None)
        world.mount("-o", "remount,bind,rw", disk)
        self.top = self.world.path("bench")
        os.mkdir(self.top, 0o755)
        for name, content in tools.items():
            world.write(self.path(name), content, 0o755)
        self.lda = self.world.lda
        self.log = self.path("log")
        self.helpers = [subprocess.Popen([self.path("sink"), self.log])]
        self.memory = Place("tmpfs", self.path("mail"))
        self.disk = Place("disk", disk)
        self.users = self.path("users")
        world.write(self.users, "")
        self.dovecot = None
        self.messages = {}
        self._introduce()

    def _introduce(self):
        with open("/proc/cpuinfo") as f:
            cpu = next((line.split(":")[1].strip() for line in f
                        if line.startswith("model name")), "?")
        disk = subprocess.run(
            ["stat", "-f", "-c", "%T", self.disk.path],
            capture_output=True, text=True).stdout.strip()
        self.results.note("%s, %d CPUs, Linux %s, disk %s, %s" % (
            cpu, os.cpu_count(), os.uname().release, disk,
            time.strftime("%Y-%m-%d")))

    def path(self, *parts):
        return os.path.join(self.top, *parts)

    def message(self, octets):
        """The path of a message of that size: short lines, no CR."""
        if octets not in self.messages:
            line = b"y" * 71 + b"\n"
            text = HEADER + line * (octets // len(line) + 1)
            path = self.path("message-%d" % octets)
            world.write(path, text[:octets - 1] + b"\n")
            self.messages[octets] = path
        return self.messages[octets]

    def wait_for(self, path, seconds=10):
        until = time.monotonic() + seconds
        while not os.path.exists(path):
            if time.monotonic() > until:
                raise world.CannotBuild(path + " does not appear")
            time.sleep(0.01)

    def help_with(self, *command):
        """Starts a server that ends with the stage."""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.helpers.append(process)
        return process

    def start_dovecot(self):
        """The path of its configuration, with Dovecot running; None where it
        is not installed."""
        if self.dovecot or not os.path.exists("/usr/sbin/dovecot"):
            return self.dovecot
        top = self.path("dovecot")
        for name in ("", "base", "state"):
            os.mkdir(os.path.join(top, name), 0o755)
        conf = os.path.join(top, "dovecot.conf")
        world.write(conf, DOVECOT_CONF.format(top=top, users=self.users))
        with open(os.path.join(top, "said"), "w") as said:
            done = subprocess.run(["/usr/sbin/dovecot", "-c", conf],
                                  stdin=subprocess.DEVNULL, stdout=said,
                                  stderr=said)
        if done.returncode != 0:
            self.results.note("skipped: Dovecot does not start: "
                              + world.read(said.name).decode())
            return None
        self.dovecot = conf
        return conf

    def add_user(self, name, home):
        """A user of everybody who has users, in one file for all."""
        line = "%s@%s::%d:%d::%s::\n" % (name, DOMAIN, UID, UID, home)
        world.write(self.users, world.read(self.users).decode() + line)
        return "%s@%s" % (name, DOMAIN)

    def settle(self):
        """Dovecot looks for changes of its users once a second."""
        if self.dovecot:
            time.sleep(1.2)

    def forget_users(self):
        world.write(self.users, "")

    def close(self):
        for helper in self.helpers:
            helper.kill()
            helper.wait()
        if self.dovecot:
            subprocess.run(["/usr/sbin/dovecot", "-c", self.dovecot, "stop"],
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        self.world.close()
        self.disk.clear()


def exists(program):
    return os.access(program, os.X_OK)
