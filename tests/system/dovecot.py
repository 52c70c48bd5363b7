"""dovecot.py - a private Dovecot: the reader of what lda delivers, and with
dovecot-lda the peer that lda is compared with.

It knows the users of READERS, all with the same password, and listens on one
IMAP port of the loopback.
"""

import imaplib
import os
import signal
import subprocess

import world

LDA = "/usr/lib/dovecot/deliver"
PASSWORD = "secret"

# name, uid and gid, home.
READERS = [
    ("carol", 5005, "/home/carol"),
    ("reader@dorx.invalid", 5000, "/srv/mail/dorx.invalid/reader"),
    ("peer@peers.invalid", 5000, "/srv/mail/peers.invalid/peer"),
]

CONF = """\
base_dir = {top}/base
state_dir = {top}/state
log_path = syslog
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
auth_failure_delay = 0
first_valid_uid = 100
mail_location = maildir:~/Maildir
default_login_user = dovenull
default_internal_user = dovecot
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u /etc/lda/readers
}}
userdb {{
  driver = passwd-file
  args = username_format=%u /etc/lda/readers
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
    user = vmail
  }}
  unix_listener auth-lmtp {{
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
"""


class Dovecot:
    def __init__(self, private):
        self.world = private
        self.top = private.path("dovecot")
        self.conf = os.path.join(self.top, "dovecot.conf")
        self.port = 143 if private.private_net else world.free_port()
        for name in ("", "base", "state"):
            os.mkdir(os.path.join(self.top, name), 0o755)
        world.write(self.conf, CONF.format(top=self.top, port=self.port))
        world.write("/etc/lda/readers", "".join(
            "%s:{PLAIN}%s:%d:%d::%s::\n" % (name, PASSWORD, uid, uid, home)
            for name, uid, home in READERS))

    def start(self):
        mark = self.world.sink.mark()
        # Not a pipe: the server keeps its outputs, and would be waited for.
        said = os.path.join(self.top, "said")
        with open(said, "w") as f:
            done = subprocess.run(["/usr/sbin/dovecot", "-c", self.conf],
                                  stdin=subprocess.DEVNULL, stdout=f, stderr=f)
        started = self.world.sink.wait(
            lambda line: "starting up" in line.text, mark, 20)
        if done.returncode != 0 or not started:
            raise world.CannotBuild("Dovecot does not start\n"
                                    + world.read(said).decode())

    def stop(self):
        try:
            pid = int(world.read(os.path.join(
                self.top, "base/master.pid")).strip())
            os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            return
        if not world.gone(pid):
            os.kill(pid, signal.SIGKILL)

    def login(self, name):
        imap = imaplib.IMAP4("127.0.0.1", self.port, timeout=30)
        imap.login(name, PASSWORD)
        return imap
