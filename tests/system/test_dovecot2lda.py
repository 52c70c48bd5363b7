"""test_dovecot2lda.py - what dovecot2lda drafts puts mail where Dovecot does.

A real Dovecot's doveconf -n is drafted, dovecot-lda and lda with the draft
deliver the same letter, and it must lie in the same mailbox.  Of Dovecot 2.4
only the text is there.
"""

import os
import pwd
import re
import shutil
import subprocess

import dovecot
from cases import has, lacks, same, test, true
from documents import block
from letters import Letter
from world import mails, read, write

DRAFT = block("dovecot2lda.8", "# doveconf -n | dovecot2lda")
CHECK = block("dovecot2lda.8", "# lda -n -c /etc/lda.conf.draft")
PROGRAM = "/usr/local/sbin/dovecot2lda"
SENDER = "a@sender.invalid"
FILE = "/etc/lda/draft.users"


def draft(text, status=0):
    """The draft for this output; lda must accept it."""
    done = subprocess.run([PROGRAM], input=text, capture_output=True,
                          text=True)
    same((done.returncode, done.stderr), (status, ""), "dovecot2lda says\n"
         + done.stdout)
    return done.stdout


def accepted(w, text, status=0):
    made = draft(text, status)
    write("/etc/lda.conf", made)
    run = w.run("-n")
    same((run.status, run.err), (0, b""), "%s\n%s" % (run, made))
    return made, run.out.decode()


def settings(made):
    return dict(re.findall(r"(?m)^(\w+) = (.*)$", made))


def left(made):
    """The lines that are not carried over, with their reasons."""
    return re.findall(r"(?m)^# (?:!! )?(.+)\n#     (.+)$", made)


class Peer:
    """with Peer(w, CONF) as peer: the private Dovecot with these settings in
    place of its own mail_location and userdb."""

    def __init__(self, w, conf):
        self.w = w
        self.top = w.path("peer")
        shutil.rmtree(self.top, ignore_errors=True)
        for name in ("", "base", "state"):
            os.mkdir(os.path.join(self.top, name), 0o755)
        base = dovecot.CONF.format(top=self.top, port=0)
        base = re.sub(r"(?ms)^(passdb|userdb|namespace inbox) \{\n.*?^\}\n",
                      "", base)
        base = re.sub(r"(?m)^(mail_location|first_valid_uid|protocols) .*\n",
                      "", base)
        self.conf = self.top + "/dovecot.conf"
        write(self.conf, base + "protocols =\nfirst_valid_uid = 100\n"
              "passdb {\n  driver = static\n  args = nopassword=y "
              "password=secret123\n}\n"
              "namespace inbox {\n  inbox = yes\n  separator = /\n}\n"
              + conf)

    def doveconf(self):
        done = subprocess.run(["/usr/bin/doveconf", "-n", "-c", self.conf],
                              capture_output=True, text=True)
        same(done.returncode, 0, "doveconf: " + done.stderr)
        return done.stdout

    def __enter__(self):
        mark = self.w.sink.mark()
        self.process = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", self.conf],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.w.started.append(self.process)
        true(self.w.sink.wait(lambda line: "starting up" in line.text, mark),
             "Dovecot does not start")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(15)

    def deliver(self, program, letter, *args, user="root"):
        """By dovecot-lda or by lda, which has no flag for Dovecot's file."""
        if program == dovecot.LDA:
            args = ("-c", self.conf, *args)
        return self.w.run("-f", SENDER, *args, stdin=letter.octets,
                          user=user, program=program)


def places(*roots):
    """Relative paths of the files with their contents; the names of mails
    and what indexes need are Dovecot's and ours."""
    found = {}
    for root in roots:
        for path, names, files in os.walk(root):
            for name in files:
                if not name.startswith(("dovecot", "maildirfolder")) \
                        and name not in ("subscriptions", "maildirsize"):
                    found[os.path.join(path, name)] = read(
                        os.path.join(path, name))
    return found


def landed(before, after):
    """Where a letter is now: (directory or mbox, ...)."""
    return sorted({os.path.dirname(path) if ",S=" in path else path
                   for path in after if after[path] != before.get(path)})


def agree(w, peer, roots, cases, user="root", program=None):
    """Each of the argument lists, by both."""
    for args, letter in cases:
        seen = []
        for one in (dovecot.LDA, w.lda):
            before = places(*roots)
            run = peer.deliver(one, letter, *args, user=user)
            same(run.status, 0, "%s %s: %s\n%s" % (
                one, args, run, read("/etc/lda.conf").decode()))
            seen.append(landed(before, places(*roots)))
        same(len(seen[0]), 1, "where dovecot-lda puts %s: %s" % (args, seen))
        same(seen[1], seen[0], "lda and dovecot-lda with %s" % (args,))
    return seen


VIRTUAL = """\
mail_location = maildir:/srv/mail/%%d/%%n/Mail:LAYOUT=%s
auth_username_format = %%Lu
lda_mailbox_autocreate = yes
mail_fsync = never
deliver_log_format = msgid=%%m: %%$ %%f
quota_full_tempfail = yes
userdb {
  driver = passwd-file
  args = username_format=%%u """ + FILE + """
}
"""


@test("dovecot", "dovecot-lda")
def virtual_users_of_a_passwd_file(w):
    for layout in ("maildir++", "fs"):
        shutil.rmtree("/srv/mail/draft.invalid", ignore_errors=True)
        write(FILE, "ann@draft.invalid::5000:5000::/srv/mail/draft.invalid/"
              "ann::\n")
        with Peer(w, VIRTUAL % layout) as peer:
            made, shown = accepted(w, peer.doveconf())
            same(settings(made)["userdb"], "passwd-file:" + FILE, "userdb")
            has(shown, "lda_mailbox_autocreate = yes", "mail_fsync = never",
                "deliver_log_format = msgid=%m: %\\$ %f")
            agree(w, peer, ["/srv/mail/draft.invalid"], [
                (["-d", "ann@draft.invalid"], Letter()),
                (["-d", "Ann@Draft.invalid"], Letter()),
                (["-d", "ann@draft.invalid", "-m", "Work/x"], Letter()),
                (["-d", "ann@draft.invalid", "-m", "INBOX"], Letter()),
            ])
            for program in (dovecot.LDA, w.lda):
                run = peer.deliver(program, Letter(), "-d", "no@draft.invalid")
                same(run.status, 67, "%s: %s" % (program, run))


@test("dovecot", "dovecot-lda")
def a_file_without_domains(w):
    shutil.rmtree("/srv/mail/plain", ignore_errors=True)
    write(FILE, "ann::5000:5000::/srv/mail/plain/ann::\n")
    with Peer(w, "mail_location = maildir:~/Mail\nuserdb {\n"
              "  driver = passwd-file\n  args = "
              "username_format=%n " + FILE + "\n}\n") as peer:
        made, _ = accepted(w, peer.doveconf())
        same(settings(made)["auth_username_format"], "%Ln", "format")
        agree(w, peer, ["/srv/mail/plain"], [
            (["-d", "ann@draft.invalid"], Letter()),
            (["-d", "ann"], Letter())])


@test("dovecot", "dovecot-lda")
def static_users(w):
    shutil.rmtree("/srv/mail/st.invalid", ignore_errors=True)
    with Peer(w, "mail_location = maildir:~/M\nuserdb {\n  driver = static\n"
              "  args = uid=5000 gid=vmail home=/srv/mail/%d/%1n/%n "
              "allow_all_users=yes\n}\n") as peer:
        made, _ = accepted(w, peer.doveconf())
        same(settings(made), {
            "userdb": "static", "mail_uid": "5000", "mail_gid": "vmail",
            "mail_home": "/srv/mail/%d/%1n/%n", "first_valid_uid": "100",
            "mail_location": "maildir:~/M"}, made)
        lacks(made, "static finds everybody")
        agree(w, peer, ["/srv/mail/st.invalid"], [
            (["-d", "ann@st.invalid"], Letter())])


@test("dovecot", "dovecot-lda")
def system_users_with_an_mbox(w):
    w.fresh_home("carol", maildir=False)
    box = "/var/mail/carol"
    write(box, "", 0o600)
    shutil.chown(box, "carol", "mail")
    with Peer(w, "mail_location = mbox:~/mail:INBOX=/var/mail/%u\n"
              "mail_privileged_group = mail\n"
              "mbox_write_locks = fcntl\n"
              "userdb {\n  driver = passwd\n}\n") as peer:
        made, _ = accepted(w, peer.doveconf())
        same(settings(made)["mail_location"],
             "mbox:~/mail:INBOX=/var/mail/%u", made)
        has(made, r"# mail_privileged_group = mail\n#     give lda-relay")
        os.makedirs("/home/carol/mail")
        for name in ("mail", "mail/Work"):
            path = "/home/carol/" + name
            if name != "mail":
                write(path, "", 0o600)
            shutil.chown(path, "carol", "carol")
        agree(w, peer, ["/var/mail", "/home/carol"], [
            (["-d", "carol"], Letter()),
            (["-d", "carol", "-m", "Work"], Letter())])
    os.unlink(box)


QUOTA = """\
mail_location = maildir:~/Maildir
mail_plugins = quota
userdb {
  driver = passwd-file
  args = """ + FILE + """
}
plugin {
  quota = maildir:User quota
  quota_rule = *:bytes=30000
  quota_rule2 = Big:bytes=+20000
  quota_rule3 = Trash:ignore
  quota_grace = 0%%
  quota_warning = storage=95%% quota-warning 95 %u
}
protocol lda {
  quota_full_tempfail = yes
}
"""


@test("dovecot", "dovecot-lda")
def quota_stops_at_the_same_mail(w):
    """Each folder gets letters until both have refused one."""
    write(FILE, "ann@draft.invalid::5000:5000::/srv/mail/draft.invalid/ann::"
          "\n")
    with Peer(w, QUOTA) as peer:
        made, shown = accepted(w, peer.doveconf())
        has(shown, r"(?m)^quota_rule = \*:bytes=30000$",
            r"(?m)^quota_rule2 = Big:bytes=\+20000$",
            r"(?m)^quota_rule3 = Trash:ignore$", r"(?m)^quota_grace = 0%$")
        has(made, "quota_warning = .*\n#     lda has quota_warning")
        rows = []
        for program in (dovecot.LDA, w.lda):
            shutil.rmtree("/srv/mail/draft.invalid", ignore_errors=True)
            row = []
            for folder in (".Big", ".Trash"):
                path = "/srv/mail/draft.invalid/ann/Maildir/" + folder
                for sub in ("cur", "new", "tmp"):
                    os.makedirs(os.path.join(path, sub))
            subprocess.run(["chown", "-R", "vmail:vmail",
                            "/srv/mail/draft.invalid"], check=True)
            letter = Letter(b"x" * 70 + b"\n" * 8000)
            for folder in ["INBOX"] * 5 + ["Big"] * 4 + ["Trash"] * 2:
                run = peer.deliver(program, letter, "-d", "ann@draft.invalid",
                                   "-m", folder)
                row.append((folder, run.status))
            rows.append(row)
        true(75 in [status for _, status in rows[0]],
             "nothing is refused: %s" % rows[0])
        same(rows[1], rows[0], "statuses of lda and dovecot-lda")


@test("dovecot", "dovecot-lda")
def what_only_Dovecot_knows_is_asked_of_it(w):
    shutil.rmtree("/srv/mail/draft.invalid", ignore_errors=True)
    write(FILE, "ann@draft.invalid::5000:5000::/srv/mail/draft.invalid/ann::"
          "\n")
    with Peer(w, "mail_location = maildir:~/Maildir\nuserdb {\n"
              "  driver = prefetch\n}\nuserdb {\n  driver = passwd-file\n"
              "  args = %s\n  override_fields = mail=maildir:~/Over\n}\n"
              % FILE) as peer:
        made, _ = accepted(w, peer.doveconf())
        same(settings(made)["userdb"],
             "dovecot-auth:%s/base/auth-userdb" % peer.top, made)
        has(made, "because of override_fields of userdb passwd-file")
        agree(w, peer, ["/srv/mail/draft.invalid"], [
            (["-d", "ann@draft.invalid"], Letter())])
        true(os.path.isdir("/srv/mail/draft.invalid/ann/Over/new"), "no Over")


@test("dovecot")
def every_line_is_carried_over_or_named(w):
    """And no secret is repeated."""
    peer = Peer(w, "mail_location = mdbox:~/mdbox\n"
                "userdb {\n  driver = sql\n  args = /etc/dovecot/sql.conf\n}\n"
                "doveadm_password = secret123\n"
                "mail_access_groups = mail\nlast_valid_uid = 9999\n"
                "auth_username_format = %Mu\nprotocol lmtp {\n"
                "  lmtp_rcpt_check_quota = yes\n  mail_fsync = always\n}\n"
                "protocol imap {\n  imap_max_line_length = 100 k\n}\n"
                "plugin {\n  sieve = ~/x\n  acl = vfile\n}\n")
    text = peer.doveconf()
    made, shown = accepted(w, text, status=1)
    lacks(made, "secret123", "(?m)^mail_location")
    has(made, r"# !! mail_location = mdbox:~/mdbox\n#     lda has no mdbox",
        r"# !! auth_username_format = %Mu\n",
        r"# protocol lmtp: mail_fsync = always\n",
        "# plugin: sieve = ~/x\n#     lda runs no Sieve",
        "# last_valid_uid = 9999\n#     lda has no such setting")
    has(shown, "lmtp_rcpt_check_quota = yes", "userdb = dovecot-auth:")
    lacks(made, "does not know it")
    # The names of the lines of doveconf are in the draft, all of them.
    for name in set(re.findall(r"(?m)^ *([\w/]+) = ", text)):
        if name not in ("prefix", "location", "driver", "args", "base_dir"):
            has(made, r"(?m)^(# .*)?\b%s\b" % name)


@test("dovecot")
def the_commands_of_the_manual(w):
    peer = Peer(w, "mail_location = maildir:~/Maildir\n"
                "userdb {\n  driver = passwd\n}\n")
    for text in (DRAFT, CHECK):
        command = text[2:].replace("doveconf -n", "doveconf -n -c "
                                   + peer.conf)
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, text=True,
            env={"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/bin"})
        same((done.returncode, done.stderr), (0, ""), command)
    has(done.stdout, r"(?m)^mail_location = maildir:~/Maildir$")


# Dovecot 2.4: its words.

TWO_FOUR = """\
# 2.4.1-4 (7d8c0e5759): /etc/dovecot/dovecot.conf
# Hostname: mx.invalid
dovecot_config_version = 2.4.0
auth_mechanisms = plain login
auth_username_format = %{user | lower}
dovecot_storage_version = 2.4.0
%s
passdb passwd-file {
  passwd_file_path = /etc/dovecot/passwords
}
protocols {
  imap = yes
  lmtp = yes
}
ssl_server {
  cert_file = /etc/ssl/cert.pem
}
protocol lmtp {
  mail_plugins {
    sieve = yes
  }
}
"""

BOXES = """\
userdb %s {
%s
}
namespace inbox {
  inbox = yes
  mailbox Trash {
    quota_ignore = yes
    special_use = "\\\\Trash"
  }
  mailbox Archive {
    quota_storage_extra = 1G
  }
  separator = /
}
"""

# Name, the lines, status, settings that must come of it.
ROWS = [
    ("passwd-file",
     "mail_driver = maildir\nmail_path = ~/Maildir\nmail_inbox_path = .\n"
     "mail_home = /srv/mail/%{user | domain}/%{user | username}\n"
     "mail_uid = vmail\nmail_gid = vmail\n"
     + BOXES % ("passwd-file", "  passwd_file_path = " + FILE), 0,
     {"userdb": "passwd-file:" + FILE, "mail_driver": "maildir",
      "mail_path": "~/Maildir", "mail_uid": "vmail", "mail_gid": "vmail",
      "mail_home": "/srv/mail/%{user | domain}/%{user | username}",
      "auth_username_format": "%{user | lower}"}),
    ("static",
     "mail_driver = mbox\nmail_path = %{home}/mail\n"
     "mail_inbox_path = /var/mail/%{user | username}\n"
     "mail_privileged_group = mail\n"
     + BOXES % ("static", "  fields {\n    uid = 5000\n    gid = 5000\n"
                "    home = /srv/mail/%{user}\n  }\n"
                "  static_allow_all_users = yes"), 0,
     {"userdb": "static", "mail_driver": "mbox", "mail_uid": "5000",
      "mail_gid": "5000", "mail_home": "/srv/mail/%{user}",
      "mail_path": "%{home}/mail",
      "mail_inbox_path": "/var/mail/%{user | username}",
      "auth_username_format": "%{user | lower}"}),
    ("quota and a layout",
     "mail_driver = maildir\nmail_path = %{home}/M\nmail_inbox_path = in\n"
     "mailbox_list_layout = fs\nmail_control_path = %{home}/control\n"
     "mail_plugins {\n  quota = yes\n}\n"
     "quota \"User quota\" {\n  driver = count\n  storage_size = 1G\n"
     "  message_count = 5000\n}\n"
     + BOXES % ("passwd", ""), 0,
     {"userdb": "passwd", "quota_storage_size": "1G",
      "quota_message_count": "5000", "quota_grace": "10M",
      "quota_rule": "Archive:storage=+1G", "quota_exclude": "Trash",
      "mail_location": "maildir:%{home}/M:LAYOUT=fs:CONTROL=%{home}/control"
      ":INBOX=%{home}/M/in", "auth_username_format": "%{user | lower}"}),
    ("what lda has not",
     "mail_driver = sdbox\nmail_path = ~/sdbox\n"
     "quota User {\n  storage_size = 1G\n}\n"
     + BOXES % ("ldap", "  ldap_base = dc=invalid\n"
                "  fields {\n    uid = %{ldap:uidNumber}\n  }"), 1,
     {"userdb": "dovecot-auth:/run/dovecot/auth-userdb",
      "auth_username_format": "%{user | lower}"}),
]


@test()
def words_of_Dovecot_2_4(w):
    for name, lines, status, want in ROWS:
        made, _ = accepted(w, TWO_FOUR.replace("%s", lines), status)
        same(settings(made), want, name + "\n" + made)
        has(made, "from Dovecot 2.4")
        lacks(made, "does not know it")


@test()
def paths_of_Dovecot_2_4_are_used(w):
    _, lines, _, _ = ROWS[0]
    write(FILE, "ann@draft.invalid::::::\n")
    shutil.rmtree("/srv/mail/draft.invalid", ignore_errors=True)
    accepted(w, TWO_FOUR.replace("%s", lines))
    run = w.run("-d", "Ann@draft.invalid", stdin=Letter().octets)
    same(run.status, 0, str(run))
    same(len(mails("/srv/mail/draft.invalid/ann/Maildir")), 1, "mails")
    same(os.stat("/srv/mail/draft.invalid/ann/Maildir").st_uid,
         pwd.getpwnam("vmail").pw_uid, "owner")


@test()
def nothing_is_no_configuration(w):
    made = draft("", 1)
    has(made, "!! There was nothing to read")
    done = subprocess.run([PROGRAM, "-n"], capture_output=True, text=True)
    same((done.returncode, done.stdout), (64, ""), "a flag")


@test()
def junk_never_becomes_a_setting(w):
    """Lines that nobody understands, and values that lda would not."""
    for text in ("}\n}\n", "userdb {\n", "a\nb {\n c\n", "= x\n",
                 "mail_location = maildir:~/%{x}\n",
                 "mail_location = maildir:/a:DIRNAME=b\n",
                 "mail_location = ~/Maildir\n",
                 "mail_fsync = perhaps\nmbox_lock_timeout = soon\n"
                 "recipient_delimiter = a b\nmail_temp_dir = %h\n"
                 "mbox_write_locks = magic\nfirst_valid_uid = low\n",
                 "plugin {\n quota = maildir\n quota_rule = x\n}\n"
                 "mail_plugins = quota\n",
                 "userdb {\n driver = static\n args = uid=%u "
                 "home=/x/%{y}\n}\n"):
        made, shown = accepted(w, text, 1)
        same([name for name in settings(made) if name != "userdb"], [],
             "settings from %r:\n%s" % (text, made))
