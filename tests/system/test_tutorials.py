"""test_tutorials.py - the manuals of section 7, done as they say, step by step.

Each is played on a machine that has what they take for given: Postfix with its
files in /etc/postfix and its queue in /var/spool/postfix, no vmail, no mail.
"""

import contextlib
import os
import shutil
import signal
import subprocess

import documents
import wiring
import world
from cases import Skip, test

# What reload and check of postfix(1) would say of a machine like ours.
QUEUE = "/var/spool/postfix"


class Machine(wiring.Wiring):
    """Postfix, where everybody has it."""

    def __init__(self, private):
        super().__init__(private)
        self.etc = "/etc/postfix"
        for name in ("main.cf", "master.cf"):
            text = world.read(self.top + "/etc/" + name).decode()
            world.write("/etc/postfix/" + name, text.replace(
                self.top + "/spool", QUEUE))
            os.utime("/etc/postfix/" + name, (0, 0))

    def start(self):
        super(wiring.Wiring, self).start()

    def settle(self):
        """Postfix leaves a file alone until it has not been changed for a
        second; and its own warnings about that are none of the manual's."""
        for name in ("main.cf", "master.cf"):
            os.utime(os.path.join(self.etc, name), (0, 0))


@contextlib.contextmanager
def fresh_machine(private, postfix=True):
    """What the tutorials change is put back afterwards."""
    kept = {name: world.read(name) for name in (
        "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow",
        "/etc/postfix/main.cf", "/etc/postfix/master.cf")
        if os.path.exists(name)}
    modes = {name: os.stat(name).st_mode & 0o7777 for name in kept}
    programs = {"/usr/local/sbin/" + name: os.stat("/usr/local/sbin/" + name)
                for name in os.listdir("/usr/local/sbin")}
    for name in ("/etc/passwd", "/etc/group"):
        world.write(name, "".join(
            line + "\n" for line in kept[name].decode().splitlines()
            if not line.startswith("vmail:")))
    subprocess.run("rm -rf /srv/mail /etc/lda.conf /etc/lda.users /home/*/* "
                   "/var/mail/*",
                   shell=True, check=True)
    machine = Machine(private) if postfix else None
    if machine:
        os.makedirs(machine.top + "/spool", exist_ok=True)
        world.mount("--bind", machine.top + "/spool", QUEUE)
    try:
        if machine:
            with machine:
                yield machine
        else:
            yield None
    finally:
        if machine:
            # Not at once: the last of its processes are still ending.
            subprocess.run(["umount", "-n", "-l", QUEUE], check=True)
        for name, content in kept.items():
            world.write(name, content, modes[name])
        for name, facts in programs.items():
            os.chown(name, facts.st_uid, facts.st_gid)
            os.chmod(name, facts.st_mode & 0o7777)
        shutil.rmtree("/srv/mail", ignore_errors=True)
        os.mkdir("/srv/mail", 0o755)
        os.chown("/srv/mail", 5000, 5000)
        if os.path.exists("/etc/lda.users"):
            os.unlink("/etc/lda.users")


def end_servers():
    """Those that were started in the background."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if (world.read("/proc/%s/comm" % pid) == b"lda-lmtp\n"
                    and os.readlink("/proc/%s/ns/mnt" % pid)
                    == os.readlink("/proc/self/ns/mnt")):
                os.kill(int(pid), signal.SIGTERM)
        except OSError:
            continue


def played(private, name):
    with fresh_machine(private) as machine:
        try:
            documents.play(name, before_run=machine.settle)
        finally:
            end_servers()


@test("postfix")
def virtual_users_by_pipe(private):
    played(private, "lda-virtual-pipe.7")


@test("postfix")
def virtual_users_by_LMTP(private):
    played(private, "lda-virtual-lmtp.7")


@test("postfix")
def system_users(private):
    played(private, "lda-system-users.7")


@test("postfix")
def spool_by_the_relay(private):
    played(private, "lda-spool.7")


@test("postfix")
def many_uids(private):
    played(private, "lda-many-uids.7")


@test("postfix")
def several_back_ends(private):
    if not private.private_net:
        raise Skip("no network of our own for 192.0.2.11")
    for address in ("192.0.2.11", "192.0.2.12"):
        subprocess.run(["ip", "address", "add", address + "/32", "dev", "lo"],
                       check=True)
    try:
        played(private, "lda-backends.7")
    finally:
        for address in ("192.0.2.11", "192.0.2.12"):
            subprocess.run(["ip", "address", "delete", address + "/32",
                            "dev", "lo"], check=True)


# A Dovecot with a vmail and mailboxes, that does not listen for LMTP yet.
DOVECOT = """\
log_path = syslog
state_dir = {top}
protocols = imap
listen = 127.0.0.1
ssl = no
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=vmail gid=vmail home=/srv/mail/%d/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


@test("postfix", "dovecot")
def before_Dovecot(private):
    if not os.path.exists("/usr/lib/dovecot/lmtp"):
        raise Skip("no lmtp (package dovecot-lmtpd)")
    with fresh_machine(private) as machine:
        world.mount("-t", "tmpfs", "-o", "mode=755", "lda-system", "/run")
        os.mkdir(machine.top + "/dovecot")
        conf = DOVECOT.format(top=machine.top + "/dovecot")
        world.write("/etc/dovecot/dovecot.conf", conf)
        pid = None
        try:
            subprocess.run(
                "groupadd -r vmail && useradd -r -g vmail -d /srv/mail vmail"
                " && install -d -o vmail -g vmail /srv/mail && dovecot"
                " && timeout 20 sh -c 'until [ -s /run/dovecot/master.pid ];"
                " do sleep 0.05; done'",
                shell=True, check=True, stdin=subprocess.DEVNULL)
            pid = int(world.read("/run/dovecot/master.pid"))
            documents.play("lda-before.7", before_run=machine.settle)
        finally:
            if pid:
                os.kill(pid, signal.SIGTERM)
                world.gone(pid)
            subprocess.run(["umount", "-n", "-l", "/run"], check=True)


@test()
def on_NFS(private):
    documents.play("lda-nfs.7")


@test()
def migration(private):
    documents.play("lda-migration.7")
