"""cyrus.py - a private Cyrus: the LMTP server whose place lda-lmtp takes, that
lda hands mail to, and whose smmapd lda-verify is compared with.

Only what Debian's cyrus-common has (cyrus-imapd cannot be installed beside
dovecot-imapd), so mail is read from the spool.  The users are made when their
first mail comes (autocreate), and nobody else is.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import time

import world

BIN = "/usr/lib/cyrus/bin"

IMAPD_CONF = """\
configdirectory: {top}/conf
partition-default: {top}/spool
defaultpartition: default
proc_path: {top}/conf/proc
sievedir: {top}/sieve
servername: {host}
defaultdomain: {host}
virtdomains: userid
unixhierarchysep: yes
altnamespace: yes
admins: cyrus
autocreate_post: yes
autocreate_quota: 0
autocreate_users: {users}
lmtp_downcase_rcpt: yes
munge8bit: no
syslog_prefix: cyrus
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
"""

CYRUS_CONF = """\
START {{
  recover cmd="{bin}/ctl_cyrusdb -C {top}/imapd.conf -r"
}}
SERVICES {{
  lmtpunix cmd="{bin}/lmtpd -C {top}/imapd.conf" listen="{top}/socket/lmtp" prefork=1 maxchild=20
  smmap cmd="{bin}/smmapd -C {top}/imapd.conf" listen="{top}/socket/smmap" prefork=1
}}
EVENTS {{
}}
"""


def why_not():
    for name in ("master", "lmtpd", "smmapd", "mbpath"):
        if not os.access(os.path.join(BIN, name), os.X_OK):
            return "no %s/%s (package cyrus-common)" % (BIN, name)
    return None


class Cyrus:
    """with Cyrus(w, "bob@example.com", ...) as cyrus: cyrus.lmtp and
    cyrus.smmap are its sockets.  A user without a domain is one of ours."""

    def __init__(self, w, *users, more=""):
        self.w = w
        self.top = w.path("cyrus")
        self.conf = os.path.join(self.top, "imapd.conf")
        self.lmtp = os.path.join(self.top, "socket/lmtp")
        self.smmap = os.path.join(self.top, "socket/smmap")
        shutil.rmtree(self.top, ignore_errors=True)
        os.mkdir(self.top, 0o755)
        entry = pwd.getpwnam("cyrus")
        for name in ("conf", "spool", "socket", "sieve"):
            path = os.path.join(self.top, name)
            os.mkdir(path, 0o755)
            os.chown(path, entry.pw_uid, entry.pw_gid)
        world.write(self.conf, IMAPD_CONF.format(
            top=self.top, host=world.HOST, users=" ".join(users)) + more)
        world.write(os.path.join(self.top, "cyrus.conf"),
                    CYRUS_CONF.format(top=self.top, bin=BIN))

    def __enter__(self):
        self.process = subprocess.Popen(
            [BIN + "/master", "-C", self.conf, "-M",
             self.top + "/cyrus.conf", "-p", self.top + "/pid"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while not self._greets():
            if time.monotonic() > until or self.process.poll() is not None:
                self.__exit__()
                raise AssertionError("Cyrus does not start")
            time.sleep(0.02)
        return self

    def _greets(self):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(self.lmtp)
                return s.recv(100).startswith(b"220 ")
        except OSError:
            return False

    def __exit__(self, *_):
        """Its children end with it."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def mails(self, user, *folder):
        """Contents of a mailbox, in order, with LF; [] if there is none."""
        local, _, domain = user.partition("@")
        name = "/".join(["user", local, *folder]) + "@" + (
            domain or world.HOST)
        entry = pwd.getpwnam("cyrus")
        done = subprocess.run([BIN + "/mbpath", "-q", "-C", self.conf, name],
                              capture_output=True, text=True,
                              user=entry.pw_uid, group=entry.pw_gid)
        path = done.stdout.strip()
        if done.returncode != 0 or not os.path.isdir(path):
            return []
        numbers = sorted(int(name[:-1]) for name in os.listdir(path)
                         if re.match(r"\d+\.\Z", name))
        return [world.read("%s/%d." % (path, n)).replace(b"\r\n", b"\n")
                for n in numbers]
