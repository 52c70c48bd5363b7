"""test_doctor.py - lda -t looks at a real Postfix configuration.

What we ship has no findings.  Each finding of lda(8) is planted by itself, is
found, and is gone when the line that lda -t says is written.
"""

import os
import re
import socket
import subprocess

import world
from cases import has, lacks, same, test, true
from documents import block
from wiring import TEXTS, Wiring, users
from world import read, write

MANUAL = world.read(os.path.join(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))), "lda", "lda.8")).decode()

LDA = "/usr/local/sbin/lda"
ASK = block("lda.8", "# lda -t\n")
MAILDIR = "mail_location = maildir:~/Maildir\n"
SPOOL = "userdb = passwd\n"
COMMAND = "mailbox_command = %s\n" % LDA


class Plant:
    """A configuration with a fault: a snippet, what is changed in it, and
    what comes behind it; commands are run, and undone by others."""

    def __init__(self, word, *names, changes=(), main="", master="", conf="",
                 run=(), undo=(), seen="", stays=False):
        self.word, self.names, self.seen = word, names, seen
        self.how = {"changes": changes, "main": main, "master": master,
                    "conf": conf}
        self.run, self.undo, self.stays = run, undo, stays


def pipe(word, old, new, names=("virtual-pipe",), **more):
    return Plant(word, *names, changes=[(old, new)], **more)


def command(word, main="", conf=MAILDIR, **more):
    return Plant(word, main=(COMMAND if "mailbox_command" not in main
                             else "") + main, conf=conf, **more)


def spool(word, conf="", **more):
    return command(word, "mailbox_size_limit = 0\n", SPOOL + conf, **more)


OWN = ["chgrp root " + LDA, "chmod 755 " + LDA]
LIMIT = "lda_destination_recipient_limit = 1\n"
MAPS = "virtual_mailbox_maps = socketmap:unix:private/lda-verify:rcpt\n"
LINE = "lmtp_line_length_limit = 0\n"
COLUMNS = "lda        unix  -       n       n       -       20      pipe"
VERIFY = "lda-verify unix  -       n       n       -       0       spawn"
SERVER = "lda-lmtp   unix  -       n       n       -       20      spawn"

# stays: what is to be written is a word of master.cf, or not one line.
PLANTS = [
    pipe("recipient-limit", LIMIT, ""),
    pipe("recipient-limit", LIMIT,
         "lda_destination_recipient_limit = 2\n"),
    pipe("time-limit", "lda_time_limit = 600s", "lda_time_limit = 5m"),
    pipe("time-limit", "lda_time_limit = 600s", "", conf="delivery_timeout "
         "= 20m\n", seen="is 1000s"),
    pipe("time-limit", "lda_time_limit = 960s", "lda_time_limit = 600s",
         ("before-dovecot",)),
    Plant("time-limit", "virtual-lmtp",
          main="lda-lmtp_time_limit = 100\n"),
    command("time-limit", "command_time_limit = 1m\n"),
    pipe("header-missing", "flags=DORXhu", "flags=DOXhu", stays=True,
         seen="without R$"),
    pipe("header-missing", "flags=DORXhu ", "", stays=True,
         seen="without DOR$"),
    pipe("header-twice", "flags=DOXhu", "flags=DORXhu",
         ("before-cyrus",), stays=True),
    pipe("message-changed", "flags=DORXhu", "flags=DORXhuq.", stays=True,
         seen=r"with \.q$"),
    pipe("case-kept", "flags=DORXhu", "flags=DORXh", stays=True,
         conf="auth_username_format = %u\n"),
    pipe("null-sender", " null_sender=", "", stays=True,
         seen='"MAILER-DAEMON"'),
    pipe("null-sender", " null_sender=", " null_sender=nobody@x",
         stays=True),
    pipe("glued-sender", "-f ${sender}", "-f$sender", stays=True),
    pipe("empty-user", "-d ${recipient}", "-d ${user}@${domain}",
         stays=True),
    pipe("no-recipient", "\n    -d ${recipient}", "", stays=True),
    pipe("question-left", "lda -f", "lda -t -f", stays=True),
    command("question-left", COMMAND.strip() + " -n\n", stays=True),
    pipe("chroot", COLUMNS, COLUMNS.replace("n       n", "n       y"),
         stays=True),
    pipe("chroot", COLUMNS, COLUMNS.replace("n       n", "n       -"),
         main="compatibility_level = 0\n", stays=True, seen="is -"),
    Plant("chroot", "virtual-lmtp", stays=True,
          changes=[(VERIFY, VERIFY.replace("n       n", "n       y"))]),
    pipe("unprivileged", COLUMNS, COLUMNS.replace("n       n", "-       n"),
         stays=True),
    pipe("service-user", "user=vmail null", "user=root null", stays=True),
    pipe("service-user", "user=vmail null", "user=postfix null", stays=True),
    pipe("service-user", "user=vmail null", "user=bob:vmail null",
         stays=True, seen="mail_uid in lda.conf is vmail"),
    Plant("process-limit", "virtual-lmtp", stays=True,
          changes=[(VERIFY, VERIFY.replace("  0 ", "  5 "))]),
    Plant("process-limit", "virtual-lmtp", stays=True,
          changes=[(SERVER, SERVER.replace("20 ", "5  "))]),
    pipe("program", "lda -f", "no-such/lda -f", stays=True),
    pipe("program", LDA + " -f", "lda -f", stays=True),
    command("shell", COMMAND.strip() + ' -f "$SENDER" -a "$RECIPIENT"\n'),
    command("shell", COMMAND.strip() + " -o mail_location=maildir:~/x\n"),
    command("shell", "local_command_shell = /bin/sh -c\n", stays=True),
    command("no-path", "mailbox_command = lda\n"),
    command("file-limit", "mailbox_size_limit = 60000000\n"),
    command("file-limit", conf="mail_location = mbox:~/mail\n"),
    command("delivered-to", "prepend_delivered_header = forward\n"),
    command("settings-hidden", run=["chmod 640 /etc/lda.conf"]),
    command("not-reached", "mailbox_transport = lmtp:unix:/run/other\n"),
    Plant("answer-time", "virtual-lmtp",
          main="lmtp_data_done_timeout = 300s\n"),
    Plant("line-length", "virtual-lmtp", changes=[(LINE, "")]),
    Plant("line-length", "virtual-lmtp-uids", changes=[(LINE, "")]),
    Plant("no-server", "mailbox-transport", stays=True),
    pipe("no-service", "virtual_transport = lda", "virtual_transport = lad",
         stays=True),
    Plant("socket-hidden", "before-cyrus", stays=True,
          master="2526 inet n - y - - smtpd\n"),
    Plant("socket-hidden", "virtual-lmtp", stays=True,
          run=["listen /tmp/world/lda-lmtp"],
          undo=["rm /tmp/world/lda-lmtp"],
          main="virtual_transport = lmtp2:unix:/tmp/world/lda-lmtp\n",
          master="lmtp2 unix - - y - - lmtp\n"),
    pipe("unknown-users", MAPS, ""),
    pipe("unknown-users", MAPS, "virtual_mailbox_maps = static:OK\n"),
    pipe("unknown-users", MAPS,
         "smtpd_recipient_restrictions = reject_unverified_recipient\n"
         "unverified_recipient_reject_code = 550\n"),
    Plant("unknown-users", "virtual-lmtp", changes=[(MAPS, "")]),
    Plant("unknown-users", "virtual-lmtp-probe", changes=[
        ("smtpd_recipient_restrictions = reject_unverified_recipient", "")]),
    Plant("unknown-users", "virtual-lmtp",
          main="smtpd_reject_unlisted_recipient = no\n"),
    command("unknown-users", "local_recipient_maps =\n"),
    Plant("unknown-users", "local-transport",
          main="local_recipient_maps =\n"),
    Plant("unknown-users", "virtual-pipe",
          main="relay_transport = lda\nrelay_domains = example.net\n"),
    pipe("everybody", "x", "x", conf="userdb = static\n", stays=True),
    Plant("unverified-code", "virtual-lmtp-probe", changes=[
        ("unverified_recipient_reject_code = 550", "")]),
    Plant("fallback-refused", "fallback-transport", changes=[
        ("local_recipient_maps = proxy:unix:passwd.byname $alias_maps\n"
         "    socketmap:unix:private/lda-verify:rcpt\n", "")]),
    Plant("domains-asked", "virtual-lmtp", changes=[
        ("virtual_mailbox_domains = example.com\n", "")]),
    Plant("domain-twice", "virtual-lmtp", stays=True,
          main="mydestination = mx.invalid Example.com\n"),
    Plant("domain-unknown", "mailbox-transport", run=["listen"],
          main="mydestination = mx.invalid, example.org\n"),
    pipe("delimiter", "x", "x", main="recipient_delimiter = +-\n"),
    pipe("export", "x", "x", main="export_environment = TZ LANG\n"),
    spool("setgid-lost", undo=OWN),
    spool("setgid-group", run=["chgrp staffers " + LDA,
                               "chmod 2755 " + LDA], undo=OWN),
    spool("spool-directory", run=["chmod 2755 /var/mail"],
          undo=["chmod 2775 /var/mail"] + OWN, stays=True),
    spool("spool-directory", conf="mail_spool_directory = /no/dir\n",
          stays=True),
    pipe("setuid-open", "x", "x", run=["chmod 4755 " + LDA], undo=OWN),
    pipe("log-socket", "x", "x", conf="syslog_socket = /no/such\n"),
]


class Case:
    """with Case(w, plant) as case: its configuration, never started."""

    def __init__(self, w, plant):
        self.w, self.plant = w, plant

    def __enter__(self):
        write("/etc/lda.conf", "")
        self.wired = Wiring(self.w, *self.plant.names, **self.plant.how)
        self.etc = self.wired.etc
        self.listener = None
        for line in self.plant.run:
            self.shell(line)
        return self

    def shell(self, line):
        """A command, or "listen PATH"; without a path what a unit of
        packaging/systemd does for mailbox-transport."""
        if line.startswith("listen"):
            path = line[7:] or self.wired.top + "/spool/private/lda-lmtp"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            return
        done = subprocess.run(["/bin/sh", "-c", line], capture_output=True)
        true(done.returncode == 0, "%s: %r" % (line, done.stderr))

    def __exit__(self, *_):
        for line in self.plant.undo:
            self.shell(line)
        if self.listener:
            self.listener.close()

    def ask(self, *args, **how):
        return self.w.run(
            "-t", "-o", "postfix_config_directory=" + self.etc, *args, **how)

    def append(self, where, line):
        """What lda -t says is to be written; of several lines with a name
        the last counts."""
        path = "/etc/lda.conf" if where == "lda.conf" else (
            self.etc + "/" + where)
        write(path, read(path).decode() + line + "\n")
        # postconf waits until a file has not been changed for a second.
        os.utime(path, (0, 0))


def findings(run):
    """The words of what it has found, in their order."""
    part = run.reply.split("\nfindings\n")[-1]
    return re.findall(r"(?m)^    ([a-z-]+): ", part)


def said(run):
    return "\n".join(re.findall(r"(?m)^    [a-z-]+: .*$", run.reply))


def to_write(run):
    return re.findall(r"(?m)^        write in (\S+): (.*)$", run.reply), \
        re.findall(r"(?m)^        as root: (.*)$", run.reply)


def mend(case, run):
    """Does what lda -t says."""
    written, commands = to_write(run)
    for where, line in written:
        case.append(where, line)
    for line in commands:
        case.shell(line)


SHIPPED = [["virtual-lmtp"], ["virtual-lmtp-probe"], ["virtual-lmtp-uids"],
           ["virtual-pipe"], ["mailbox-transport"], ["local-transport"],
           ["fallback-transport"], ["before-cyrus"], ["before-dovecot"],
           ["backends"], ["backend-server"], ["virtual-lmtp", "over-quota"],
           ["virtual-pipe", "over-quota"]]


@test("postfix")
def what_we_ship_has_no_findings(w):
    users("bob@example.com::::::")
    same(sorted({name for names in SHIPPED for name in names}),
         sorted({name for name, _ in TEXTS}), "the snippets that are tried")
    for names in SHIPPED:
        run = ["listen"] if "mailbox-transport" in names else []
        with Case(w, Plant("", *names, run=run)) as case:
            asked = case.ask()
            same((asked.status, findings(asked)), (0, []),
                 "%s: %s" % (names, asked.reply))
            has(asked.reply, r"\nfindings\n    none\n\Z",
                re.escape("settings: %s/main.cf" % case.etc))


@test("postfix")
def the_lines_of_the_manual_have_no_findings(w):
    """mailbox_command with each of the ways to come into /var/mail."""
    zero = "mailbox_size_limit = 0\n"
    for plant in (
            command("", conf=MAILDIR), command("", zero, "mbox_write_locks = "
                                               "fcntl dotlock_try\n"),
            spool("", run=["chgrp mail " + LDA, "chmod 2755 " + LDA],
                  undo=OWN),
            spool("", run=["chmod 1777 /var/mail"],
                  undo=["chmod 2775 /var/mail"]),
            command("", "mailbox_size_limit = 0\nmailbox_command = %s-relay\n"
                    % LDA, SPOOL,
                    run=["chgrp mail %s-relay" % LDA,
                         "chmod 2755 %s-relay" % LDA],
                    undo=["chgrp root %s-relay" % LDA,
                          "chmod 755 %s-relay" % LDA])):
        with Case(w, plant) as case:
            asked = case.ask()
            same((asked.status, findings(asked)), (0, []),
                 asked.reply)
            has(asked.reply, r"local\(8\) service local has mailbox_command ")


@test("postfix")
def each_fault_is_found_by_name(w):
    """Planted by itself it is the only finding."""
    users("bob@example.com::::::")
    for plant in PLANTS:
        with Case(w, plant) as case:
            asked = case.ask()
            what = "%s %s: %s" % (plant.word, plant.how, asked.reply)
            same((asked.status, findings(asked)), (75, [plant.word]), what)
            has(said(asked), plant.seen)
            written, commands = to_write(asked)
            true(written or commands, "nothing to write: " + what)
            has(asked.reply, r"\n        why: \S")


@test("postfix")
def what_is_to_be_written_mends_it(w):
    users("bob@example.com::::::")
    for plant in PLANTS:
        if plant.stays or plant.word == "log-socket":
            continue
        with Case(w, plant) as case:
            mend(case, case.ask())
            asked = case.ask()
            same((asked.status, findings(asked)), (0, []),
                 "%s %s: %s" % (plant.word, plant.how, asked.reply))


@test("postfix")
def the_manual_lists_what_can_be_found(w):
    part = MANUAL.split(".Ss Findings\n")[1].split("\n.Sh ")[0]
    listed = re.findall(r"(?m)^\.It Li ([a-z-]+)$", part)
    same(sorted(listed), sorted({plant.word for plant in PLANTS}),
         "findings in lda.8, and those that are planted")


# The exit status, and who may ask.

@test("postfix")
def a_trial_of_a_user_goes_with_it(w):
    users("bob@example.com::::::")
    fault = Plant("recipient-limit", "virtual-pipe", changes=[(LIMIT, "")])
    with Case(w, fault) as case:
        asked = case.ask("-d", "bob@example.com")
        same((asked.status, findings(asked)), (75, ["recipient-limit"]),
             asked.reply)
        has(asked.reply, "nothing, exit status 0\n")
        asked = case.ask("-d", "no@example.com")
        same(asked.status, 67, asked.reply)
        has(asked.reply, r"5\.1\.1 ", "recipient-limit")
    with Case(w, Plant("", "virtual-pipe")) as case:
        asked = case.ask("-d", "bob@example.com", user="vmail")
        same((asked.status, findings(asked)), (0, []), asked.reply)


@test("postfix")
def lda_conf_may_name_the_directory(w):
    with Case(w, Plant("", "virtual-pipe", changes=[(LIMIT, "")])) as case:
        case.append("lda.conf", "postfix_config_directory = " + case.etc)
        same(ASK, "# lda -t\n", "the command of the manual")
        asked = w.run("-t")
        same((asked.status, findings(asked)), (75, ["recipient-limit"]),
             asked.reply)
        asked = w.run("-t", "-o", "postfix_config_directory=/no/such")
        same((asked.status, findings(asked)), (0, []), asked.reply)
        has(asked.reply, "not looked at: postconf fails "
            r'\(exit status 1\).*"postconf -c /no/such"')


@test("postfix")
def in_a_delivery_command_it_only_defers(w):
    with Case(w, Plant("", "virtual-pipe")) as case:
        asked = case.ask(env={"MAIL_CONFIG": case.etc})
        same((asked.status, asked.reply[:6]), (75, "4.3.5 "), asked.reply)
        lacks(asked.reply, "findings")


@test("postfix")
def set_group_id_it_starts_no_postconf(w):
    with Case(w, spool("", run=["chgrp mail " + LDA, "chmod 2755 " + LDA],
                       undo=OWN)) as case:
        asked = case.ask(user="bob")
        has(asked.reply, "not looked at: lda is set-group-ID")
        lacks(asked.reply, "main.cf")
        asked = case.ask()
        has(asked.reply, "main.cf", "findings\n    none")


@test("postfix")
def without_Postfix_nothing_is_wrong(w):
    world.mount("--bind", "/dev/null", "/usr/sbin/postconf")
    try:
        write("/etc/lda.conf", MAILDIR)
        asked = w.run("-t")
    finally:
        world.umount("/usr/sbin/postconf")
    same((asked.status, findings(asked)), (0, []), asked.reply)
    has(asked.reply, "not looked at: there is no postconf")
