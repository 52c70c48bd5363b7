"""test_documents.py - what README and the manuals have to copy is tried.

Lines for Postfix go into a real one and mail through it; settings are read by
lda -n; the log lines that are shown have the keys of real ones.  The step by
step manuals are test_tutorials.py.
"""

import os
import re
import shutil
import subprocess

import documents
from cases import Skip, has, same, test, true
from documents import block
from letters import Letter
from test_tutorials import end_servers, fresh_machine
from wiring import Wiring, sent, users
from world import mails, read, write

SENDER = "a@sender.invalid"

# Asked for here, so that it is known which are: a test may not run.

README_PIPE = (block("README", "lda unix - n n - 20 pipe"),
               block("README", "virtual_mailbox_domains = example.com\n"
                     "virtual_mailbox_maps = hash:"))
README_STATIC = block("README", "userdb = static")
README_FILE = block("README", "userdb = passwd-file:")
README_USERS = block("README", "bob@example.com::::::")
README_LMTP = (block("README", "lda-lmtp unix - n n - 20 spawn"),
               block("README", "virtual_mailbox_domains = example.com\n"
                     "virtual_transport = lmtp:"))
README_VERIFY = (block("README", "lda-verify unix"),
                 block("README", "virtual_mailbox_maps = socketmap:"))
README_UIDS = block("README", "bob@example.com::5001:5001")
README_SETUID = block("README", "chgrp vmail")
README_COMMAND = block("README", "mailbox_command = /usr/local/sbin/lda\n")
README_MAILDIR = block("README", "mail_location = maildir:~/Maildir")
README_RELAY = block("README", "chgrp mail")
README_CYRUS = block("README", "mail_location = lmtp:unix:")
README_ASK = block("README", "lda -n")
README_LOG = block("README", "lda(bob): msgid=")

LDA_PIPE = (block("lda.8", "lda unix - n n - 20 pipe"),
            block("lda.8", "virtual_mailbox_domains = example.com"))
LDA_COMMANDS = (
    block("lda.8", "mailbox_command = /usr/local/sbin/lda\n"),
    block("lda.8", 'mailbox_command = /usr/local/sbin/lda -f "$SENDER"'))
LDA_SETGID = (block("lda.8", "# chgrp mail /usr/local/sbin/lda-relay"),
              block("lda.8", "# chgrp mail /usr/local/sbin/lda\n"),
              block("lda-relay.8", "# chgrp mail"))
LDA_SETUID = block("lda.8", "# chgrp vmail")
LDA_LOG = block("lda.8", "lda(bob): msgid=")
LDA_BY_HAND = (block("lda.8", "# lda -d bob < message"),
               block("lda.8", "# su -s /bin/sh -c 'lda -t"),
               block("lda.8", "# lda -t -d bob@example.com"),
               block("lda.8", "# lda -n"))
RELAY_COMMAND = block("lda-relay.8", "mailbox_command =")
LMTP_PAIR = (block("lda-lmtp.8", "lda-lmtp unix - n n - 20 spawn"),
             block("lda-lmtp.8", "virtual_mailbox_domains ="))
LMTP_LISTEN = block("lda-lmtp.8", "lda-lmtp -l unix:")
VERIFY_PAIR = (block("lda-verify.8", "lda-verify unix - n n - 0 spawn"),
               block("lda-verify.8", "virtual_mailbox_domains ="))
VERIFY_QUOTA = block("lda-verify.8", "smtpd_recipient_restrictions =")
VERIFY_POSTMAP = block("lda-verify.8", "# postmap -q bob@example.com")
USERS_FIELDS = block("lda.conf.5", "bob@example.com::vmail:vmail")

# All that lda.conf(5) has but those that are no settings.
SETTINGS = [b.text for b in documents.BLOCKS["lda.conf.5"]
            if re.match(r"[a-z_0-9]+ = ", b.text)
            and not setattr(b, "used", True)]


@test()
def every_block_is_tried_or_listed(_world):
    wrong = documents.not_tried()
    true(not wrong, "nobody tries\n    " + "\n    ".join(wrong))


# Settings.

def accepted(world, text):
    write("/etc/lda.conf", text)
    run = world.run("-n")
    same((run.status, run.err), (0, b""), "lda -n about %r" % text)
    shown = run.out.decode()
    for name, value in re.findall(r"(?m)^(\w+) = (.*)$", text):
        if (name, value) in (("recipient_delimiter", "+"), ):
            continue    # the default
        true("%s = %s\n" % (name, value) in shown,
             "lda -n does not show %s = %s but\n%s" % (name, value, shown))


@test()
def settings_of_lda_conf_5(world):
    true(len(SETTINGS) > 50, "blocks are missing")
    for text in SETTINGS:
        names = re.findall(r"(?m)^(\w+) = ", text)
        if len(set(names)) == len(names):
            accepted(world, text)
        else:   # one or the other
            for line in text.splitlines():
                accepted(world, line + "\n")


@test()
def settings_of_README(world):
    for text in (README_STATIC, README_FILE, README_MAILDIR, README_CYRUS):
        accepted(world, text)


@test()
def users_of_lda_conf_5(world):
    write("/etc/lda.users", USERS_FIELDS)
    for line in USERS_FIELDS.splitlines():
        name = line.split(":")[0]
        run = world.run("-t", "-d", name, "-o",
                        "userdb=passwd-file:/etc/lda.users", "-o",
                        "mail_uid=vmail", "-o", "mail_gid=vmail")
        has(run.out.decode(), "found by: passwd-file:/etc/lda.users",
            "nothing, exit status 0|4\\.2\\.1")


# Virtual users.

def maildir_of(recipient):
    user, domain = recipient.split("@")
    return "/srv/mail/%s/%s/Maildir" % (domain, user)


def fresh(*recipients):
    for recipient in recipients:
        shutil.rmtree(os.path.dirname(maildir_of(recipient)),
                      ignore_errors=True)


def one_mail(maildir, result, what):
    sent(result)
    same(len(mails(maildir)), 1, "mails of " + what)


def vmailbox():
    """What virtual_mailbox_maps = hash: wants."""
    write("/etc/postfix/vmailbox", "bob@example.com x\neve@example.com x\n")
    subprocess.run(["/usr/sbin/postmap", "-c", "/etc/postfix",
                    "hash:/etc/postfix/vmailbox"], check=True)


@test("postfix")
def README_by_pipe(world):
    vmailbox()
    write("/etc/lda.users", README_USERS)
    for conf in (README_STATIC, README_FILE):
        fresh("bob@example.com")
        with Wiring(world, master=README_PIPE[0], main=README_PIPE[1],
                    conf=conf) as wired:
            _, result = wired.deliver(SENDER, "bob@example.com",
                                      Letter().octets)
            one_mail(maildir_of("bob@example.com"), result, conf)
            has(wired.rcpt("nobody@example.com"), r"^550 5\.1\.1 ")
    shutil.rmtree("/srv/mail/eve", ignore_errors=True)
    run = world.run("-d", "eve@example.com", stdin=Letter().octets)
    same(run.status, 0, "eve, whose home is her own")
    same(len(mails("/srv/mail/eve/Maildir")), 1, "eve's mails")


@test("postfix")
def README_by_LMTP_and_who_exists(world):
    fresh("bob@example.com")
    write("/etc/lda.users", README_USERS)
    with Wiring(world, master=README_LMTP[0] + README_VERIFY[0],
                main=README_LMTP[1] + README_VERIFY[1],
                conf=README_FILE) as wired:
        _, result = wired.deliver(SENDER, "bob@example.com", Letter().octets)
        one_mail(maildir_of("bob@example.com"), result, "bob")
        has(result.relay, "private/lda-lmtp")
        has(wired.rcpt("nobody@example.com"), r"^550 5\.1\.1 ")


@test("postfix")
def manuals_by_LMTP_and_who_exists(world):
    fresh("bob@example.com")
    users("bob@example.com::::::")
    with Wiring(world, master=LMTP_PAIR[0] + VERIFY_PAIR[0],
                main=LMTP_PAIR[1] + VERIFY_PAIR[1] + VERIFY_QUOTA,
                conf=README_FILE) as wired:
        _, result = wired.deliver(SENDER, "bob@example.com", Letter().octets)
        one_mail(maildir_of("bob@example.com"), result, "bob")
        has(wired.rcpt("nobody@example.com"), r"^550 5\.1\.1 ")
        true(os.path.exists(wired.top + "/spool/private/lda-verify"),
             "no socket")
        (command, shown), = documents.commands(VERIFY_POSTMAP)
        documents.run_command(
            command.replace("/var/spool/postfix", wired.top + "/spool"),
            shown, {"PATH": "/usr/sbin:/usr/bin:/bin",
                    "MAIL_CONFIG": wired.etc})


@test("postfix")
def lda_8_by_pipe(world):
    vmailbox()
    fresh("bob@example.com")
    with Wiring(world, master=LDA_PIPE[0], main=LDA_PIPE[1],
                conf=README_STATIC) as wired:
        _, result = wired.deliver(SENDER, "bob+work@example.com",
                                  Letter().octets)
        # The folder is not there, so it is INBOX.
        one_mail(maildir_of("bob@example.com"), result, "bob")


# What is done to the programs as root.

class Rights:
    """Their owners and modes are put back."""

    def __init__(self, *names):
        self.facts = {"/usr/local/sbin/" + name:
                      os.stat("/usr/local/sbin/" + name) for name in names}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for path, facts in self.facts.items():
            os.chown(path, facts.st_uid, facts.st_gid)
            os.chmod(path, facts.st_mode & 0o7777)


def as_root(text):
    """Runs what the block has for root; the rest of its lines."""
    lines = text.splitlines()
    for line in lines:
        line = line.removeprefix("# ")
        if line.startswith(("chgrp", "chmod")):
            subprocess.run(line, shell=True, check=True)
    return "".join(line + "\n" for line in lines
                   if re.match(r"\w+ = ", line))


@test("postfix")
def several_uids_by_pipe(world):
    write("/etc/lda.users", README_UIDS)
    for text in (README_SETUID, LDA_SETUID):
        shutil.rmtree("/home/v", ignore_errors=True)
        os.makedirs("/home/v/bob")
        os.chown("/home/v/bob", 5001, 5001)
        vmailbox()
        with Rights("lda"):
            as_root(text)
            with Wiring(world, master=README_PIPE[0], main=README_PIPE[1],
                        conf="userdb = passwd-file:/etc/lda.users\n") \
                    as wired:
                _, result = wired.deliver(SENDER, "bob@example.com",
                                          Letter().octets)
                one_mail("/home/v/bob/Maildir", result, "bob")
        same(os.stat(mails("/home/v/bob/Maildir")[0]).st_uid, 5001, "owner")


@test("postfix")
def mailbox_command_into_a_Maildir(world):
    for main in (README_COMMAND, *LDA_COMMANDS):
        world.fresh_home("alice", maildir=False)
        with Wiring(world, main=main, conf=README_MAILDIR) as wired:
            _, result = wired.deliver(SENDER, "alice@mx.invalid",
                                      Letter().octets)
            one_mail("/home/alice/Maildir", result, main)


@test("postfix")
def mailbox_command_into_var_mail(world):
    rights = [(README_RELAY, ""), (LDA_SETGID[0], ""), (LDA_SETGID[1], ""),
              (LDA_SETGID[2], RELAY_COMMAND)]
    for text, main in rights:
        world.fresh_home("alice", maildir=False)
        if os.path.exists("/var/mail/alice"):
            os.unlink("/var/mail/alice")
        with Rights("lda", "lda-relay"):
            main = as_root(text) + main
            with Wiring(world, main=main, conf="# defaults\n") as wired:
                _, result = wired.deliver(SENDER, "alice@mx.invalid",
                                          Letter(b"var mail").octets)
                sent(result)
        has(read("/var/mail/alice").decode(), "\nvar mail\n")
        os.unlink("/var/mail/alice")


@test()
def listening_as_lda_lmtp_8_says(world):
    if not world.private_net:
        raise Skip("no network of our own for 192.0.2.7")
    subprocess.run("ip address add 192.0.2.7/32 dev lo", shell=True,
                   check=True)
    queue = world.path("queue")
    os.makedirs(queue + "/private", exist_ok=True)
    try:
        servers = [world.spawn(
            *line.replace("/var/spool/postfix", queue).split()[1:],
            "-o", "mynetworks=192.0.2.0/24",
            program="/usr/local/sbin/lda-lmtp")
            for line in LMTP_LISTEN.splitlines()]
        same(len(servers), 2, "lines")
        for target in (queue + "/private/lda-lmtp", "192.0.2.7:24"):
            documents.run_command(
                "python3 -c 'import socket, sys\n"
                "where = sys.argv[1]\n"
                "host, _, port = where.partition(\":\")\n"
                "s = socket.socket(socket.AF_INET if port"
                " else socket.AF_UNIX)\n"
                "s.connect((host, int(port)) if port else where)\n"
                "print(s.recv(100).decode()[:4])' " + target, ["220 "],
                {"PATH": "/usr/bin:/bin"})
        facts = os.stat(queue + "/private/lda-lmtp")
        same(oct(facts.st_mode & 0o777), "0o660", "mode of the socket")
    finally:
        end_servers()
        subprocess.run("ip address delete 192.0.2.7/32 dev lo", shell=True,
                       check=True)


@test()
def by_hand(world):
    world.fresh_home("bob")
    fresh("bob@example.com")
    with fresh_machine(world, postfix=False):
        subprocess.run("useradd -r -U -d /srv/mail vmail && "
                       "install -d -o vmail -g vmail /srv/mail",
                       shell=True, check=True)
        write("/etc/lda.conf", "userdb = passwd static\nmail_uid = vmail\n"
              "mail_gid = vmail\nmail_home = /srv/mail/%d/%n\n"
              "mail_location = maildir:~/Maildir\n")
        write("/tmp/message", Letter().octets)
        asked = [line.split("  ")[0].strip() for line in
                 README_ASK.splitlines() if line.startswith("lda ")]
        same(asked, ["lda -n", "lda -t -d bob@example.com", "lda -t"],
             "README")
        for text in (*LDA_BY_HAND, *("# %s\n" % line for line in asked)):
            (command, _), = documents.commands(text)
            documents.run_command("cd /tmp; " + command, [], {
                "PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/bin"})
        same(len(mails("/home/bob/Maildir")), 1, "bob's mails")


# The log.

def keys(line):
    """The names of a log line, and all words in front of them."""
    return (re.sub(r"=\S*", "", line.split(" from=")[0]).split(),
            re.findall(r" (\w+)=", line.partition(" from=")[2]))


def lines_of(text):
    return re.sub(r"\n  ?(?=\S)|\n(?=queue_id)", " ", text).splitlines()


@test()
def log_lines_as_shown(world):
    home = world.fresh_home("bob")
    os.makedirs(home + "/Maildir/.Work")
    os.chown(home + "/Maildir/.Work", 5001, 5001)
    letter = (b"Received: by mx.invalid (Postfix, from userid 0)\n"
              b"\tid 4jWcB91Vz2z1q; Thu, 26 Nov 2026 03:05:10 +0000\n"
              b"Message-ID: <x@y>\n\nhello\n")
    saved, failed, wrong = lines_of(LDA_LOG)
    how = {"stdin": letter, "user": "bob", "env": {"USER": "bob"}}
    run = world.run("-f", "a@b", "-a", "bob+work@d", "-m", "Work", **how)
    same(keys(run.log), keys(saved), "saved")
    run = world.run("-f", "a@b", "-a", "bob@d", **how)
    same(keys(run.log), keys(lines_of(README_LOG)[0]), "README's")
    os.chmod(home + "/Maildir/tmp", 0o500)
    run = world.run("-f", "a@b", "-a", "bob@d", **how)
    same(keys(run.log.replace("5001", "1001")), keys(failed), "failed")
    write("/etc/lda.conf", "#\n" * 6 + "mail_locaton = x\n")
    run = world.run("-f", "a@b", **how)
    same(run.log, wrong, "a mistake in lda.conf")
