"""test_pipe.py - lda as a pipe(8) service, for virtual users with one uid."""

import os
import re
import signal
import threading
import time

import fuse
import world
from cases import Skip, has, lacks, reply_is_public, same, test, true
from letters import (Letter, bounced, deferred, hostile, no_mail, only_mail,
                     saved, sent, whole)
from world import debris, mails, make_maildir, read, write

SENDER = "sender@letters.invalid"


def prepended(sender, recipient, original=None):
    lines = ["Return-Path: <%s>" % sender]
    if original:
        lines.append("X-Original-To: " + original)
    lines.append("Delivered-To: " + recipient)
    return "".join(line + "\n" for line in lines).encode()


def maildir_of(w, name):
    return os.path.join(w.home_of(name), "Maildir")


def deliver(w, recipient, letter=None, sender=SENDER):
    """Delivers a letter: letter, queue id, result, log of lda."""
    letter = letter or Letter()
    mark = w.sink.mark()
    queue_id, result = w.postfix.deliver(sender, recipient, letter.octets)
    return letter, queue_id, result, w.sink.lda(mark)


# Delivered.

@test("postfix")
def a_message_is_whole_with_flags_DRhu(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    letter, queue_id, result, log = deliver(w, to)
    sent(result, "drhu")
    path, content = only_mail(maildir_of(w, to))
    whole(content, prepended(SENDER, to), letter, queue_id)
    saved(log, to, letter, **{"from": "<%s>" % SENDER, "queue_id": queue_id,
                              "size": len(content)})
    true(w.postfix.removed(queue_id), "still in the queue")
    entry = os.stat(path)
    same((entry.st_uid, entry.st_gid, entry.st_mode & 0o777),
         (5000, 5000, 0o600), "owner, group and mode")
    same(os.path.basename(os.path.dirname(path)), "new", "directory")


@test("postfix")
def the_original_recipient_is_told_with_flags_DORXhu(w):
    to, original = "alice+sales@dorx.invalid", "info@dorx.invalid"
    w.users_file("alice@dorx.invalid")
    letter, queue_id, result, log = deliver(w, original)
    sent(result, "dorx")
    _, content = only_mail(maildir_of(w, "alice@dorx.invalid"))
    whole(content, prepended(SENDER, to, original), letter, queue_id)
    saved(log, "alice@dorx.invalid", letter, orig_to="<%s>" % original,
          queue_id=queue_id, size=len(content))


@test("postfix")
def a_hostile_body_comes_out_octet_for_octet(w):
    to = "alice@dorx.invalid"
    w.users_file(to)
    letter, queue_id, result, log = deliver(w, to, Letter(hostile()))
    sent(result, "dorx")
    _, content = only_mail(maildir_of(w, to))
    whole(content, prepended(SENDER, to, to), letter, queue_id)
    saved(log, to, letter, queue_id=queue_id, size=len(content))


@test("postfix")
def a_leading_From_line_is_taken_off_and_gives_the_sender(w):
    to = "alice@from.invalid"
    w.users_file(to)
    letter, queue_id, result, log = deliver(w, to)
    sent(result, "from")
    _, content = only_mail(maildir_of(w, to))
    whole(content, prepended(SENDER, to, to), letter, queue_id)
    saved(log, to, letter, **{"from": "<%s>" % SENDER})


@test("postfix")
def the_null_sender_as_MAILER_DAEMON(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    letter, queue_id, result, log = deliver(w, to, sender="")
    sent(result, "drhu")
    _, content = only_mail(maildir_of(w, to))
    whole(content, prepended("MAILER-DAEMON", to), letter, queue_id)
    saved(log, to, letter, **{"from": "<>"})


@test("postfix")
def the_null_sender_as_an_empty_word(w):
    to = "alice@dorx.invalid"
    w.users_file(to)
    letter, queue_id, result, log = deliver(w, to, sender="")
    sent(result, "dorx")
    _, content = only_mail(maildir_of(w, to))
    whole(content, prepended("", to, to), letter, queue_id)
    saved(log, to, letter, **{"from": "<>"})


@test("postfix")
def the_extension_names_a_folder_that_exists(w):
    to = "alice@ext.invalid"
    w.users_file(to)
    inbox = os.path.join(w.make_home(to), "Maildir")
    make_maildir(inbox, 5000)
    make_maildir(inbox + "/.work", 5000)
    letter, queue_id, result, log = deliver(w, "alice+work@ext.invalid")
    sent(result, "ext")
    if "saved mail to INBOX" in log:
        raise Skip("-m still falls back to INBOX")
    _, content = only_mail(inbox, ".work")
    whole(content, prepended(SENDER, "alice+work@ext.invalid"), letter,
          queue_id)
    saved(log, to, letter, "work", queue_id=queue_id)
    same(mails(inbox), [], "INBOX")


@test("postfix")
def the_extension_of_no_folder_falls_back_to_INBOX(w):
    to = "alice@ext.invalid"
    w.users_file(to)
    letter, queue_id, result, log = deliver(w, "alice+nothere@ext.invalid")
    sent(result, "ext")
    _, content = only_mail(maildir_of(w, to))
    whole(content, prepended(SENDER, "alice+nothere@ext.invalid"), letter,
          queue_id)
    saved(log, to, letter, queue_id=queue_id)
    has(log, "nothere")
    same(sorted(os.listdir(maildir_of(w, to))), ["cur", "new", "tmp"],
         "what is in the Maildir")


@test("postfix")
def no_extension_is_INBOX_without_a_word(w):
    to = "alice@ext.invalid"
    w.users_file(to)
    letter, _, result, log = deliver(w, to)
    sent(result, "ext")
    only_mail(maildir_of(w, to))
    same(len(log.splitlines()), 1, "log lines in " + log)


@test("postfix")
def hostile_extensions_stay_in_the_mail_root(w):
    to = "alice@ext.invalid"
    w.users_file(to)
    home = w.home_of(to)
    given = ["..", "../../x", "/etc/x", "~", "~bob/x", ".", "a/../../b",
             "-f", "%h", "&", "x" * 200]
    mark = w.sink.mark()
    queued = [w.postfix.send(SENDER, '"alice+%s"@ext.invalid' % extension,
                             Letter().octets) for extension in given]
    for extension, queue_id in zip(given, queued):
        result = w.postfix.result(queue_id, since=mark)
        true(result.status == "sent", "%r: %s" % (extension, result))
    same(len(mails(home + "/Maildir")), len(given), "mails in INBOX")
    same(os.listdir(home), ["Maildir"], "home")
    same(sorted(os.listdir(home + "/Maildir")), ["cur", "new", "tmp"],
         "Maildir")


@test("postfix")
def static_finds_everybody_and_makes_the_home(w):
    write("/etc/lda/static.conf",
          "userdb = static\nmail_uid = vmail\nmail_gid = vmail\n"
          "mail_home = /srv/mail/%d/%n\nmail_location = maildir:~/Maildir\n")
    for user in ("anna", "ben+detail"):
        to = user + "@static.invalid"
        name = user.split("+")[0] + "@static.invalid"
        letter, queue_id, result, log = deliver(w, to)
        sent(result, "static")
        path, content = only_mail(maildir_of(w, name))
        whole(content, prepended(SENDER, to, to), letter, queue_id)
        saved(log, name, letter, queue_id=queue_id)
        same(os.stat(w.home_of(name)).st_mode & 0o777, 0o700, "mode of home")


@test("postfix")
def a_recipient_in_capitals_is_folded_but_not_in_the_headers(w):
    w.users_file("alice@dorx.invalid")
    letter, queue_id, result, _ = deliver(w, "ALICE@DORX.invalid")
    sent(result, "dorx")
    _, content = only_mail(maildir_of(w, "alice@dorx.invalid"))
    same(content.lower().split(b"received:")[0],
         prepended(SENDER, "alice@dorx.invalid", "alice@dorx.invalid").lower(),
         "prepended headers")


@test("postfix")
def odd_characters_in_addresses_change_nothing(w):
    to = "alice@dorx.invalid"
    w.users_file(to, "o'neil@dorx.invalid")
    for sender in ("o'brien@letters.invalid", '"a b"@letters.invalid',
                   '"$(id)"@letters.invalid',
                   "x" * 64 + "@letters.invalid"):
        w.users_file(to)
        letter, _, result, log = deliver(w, to, sender=sender)
        sent(result, "dorx")
        only_mail(maildir_of(w, to))
        saved(log, to, letter)
    w.users_file("o'neil@dorx.invalid")
    letter, _, result, log = deliver(w, "O'Neil+d'x@dorx.invalid",
                                     sender="o'brien@letters.invalid")
    sent(result, "dorx")
    only_mail(maildir_of(w, "o'neil@dorx.invalid"))
    saved(log, "o'neil@dorx.invalid", letter,
          **{"from": "<o'brien@letters.invalid>"})


@test("postfix")
def addresses_in_UTF_8_are_welcome(w):
    to, sender = "m\u00fcller@dorx.invalid", "j\u00f6rg@letters.invalid"
    w.users_file(to)
    letter, queue_id, result, log = deliver(w, to, sender=sender)
    sent(result, "dorx")
    path = maildir_of(w, to)
    _, content = only_mail(path)
    same(content[:len(prepended(sender, to, to))], prepended(sender, to, to),
         "prepended headers")
    saved(log, to, letter, **{"from": "<%s>" % sender, "orig_to": "<%s>" % to})


@test("postfix")
def without_d_the_recipient_is_that_of_a(w):
    to = "alice@nod.invalid"
    w.users_file(to)
    letter, _, result, log = deliver(w, to)
    sent(result, "nod")
    only_mail(maildir_of(w, to))
    saved(log, to, letter)
    letter, _, result, log = deliver(w, "nobody-here@nod.invalid")
    same(result.status, "deferred", str(result))
    reply_is_public(result.text)


@test("postfix")
def without_any_recipient_it_is_deferred(w):
    _, _, result, log = deliver(w, "alice@bare.invalid")
    deferred(result, "4.3.5")
    reply_is_public(result.text)
    has(log, r"-d is missing")


@test("postfix")
def settings_of_Dovecot_without_meaning_here_are_accepted(w):
    to = "alice@old.invalid"
    w.users_file(to)
    letter, _, result, log = deliver(w, to)
    sent(result, "old")
    only_mail(maildir_of(w, to))
    has(log, "mail_plugins", "saved mail to INBOX")


@test("postfix")
def forty_at_once_to_one_user_are_forty(w):
    to = "alice@dorx.invalid"
    w.users_file(to)
    mark = w.sink.mark()
    queued = []

    def some():
        for _ in range(10):
            queued.append(w.postfix.send(SENDER, to, Letter().octets))
    senders = [threading.Thread(target=some) for _ in range(4)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    for queue_id in queued:
        sent(w.postfix.result(queue_id, since=mark), "dorx")
    found = mails(maildir_of(w, to))
    same(len(found), 40, "mails")
    ids = {re.search(rb"Message-Id: (\S+)", read(path))[1] for path in found}
    same(len(ids), 40, "different mails")


# Refused for good.

@test("postfix")
def an_unknown_user_bounces_and_the_sender_reads_why(w):
    sender = "alice@dorx.invalid"
    w.users_file(sender)
    _, queue_id, result, log = deliver(w, "nobody-here@drhu.invalid",
                                       sender=sender)
    bounced(result, "5.1.1")
    reply_is_public(result.text)
    has(log, "nobody-here@drhu.invalid", 'reply="5.1.1 ', "exit=67")
    bounce = w.postfix.bounce_of(queue_id)
    sent(w.postfix.result(bounce), "dorx")
    _, content = only_mail(maildir_of(w, sender))
    has(content.decode(), "Return-Path: <>\n", "Status: 5.1.1",
        "Final-Recipient: rfc822; ?nobody-here@drhu.invalid",
        "Diagnostic-Code: x-unix; ")
    said = re.search(r"Diagnostic-Code: x-unix; ((?:.|\n )*)",
                     content.decode())[1]
    same(re.sub(r"\s+", " ", said).strip(), result.text, "Diagnostic-Code")


@test("postfix")
def a_mail_over_message_size_limit_bounces(w):
    sender, to = "alice@dorx.invalid", "alice@own.invalid"
    w.users_file(sender, to)
    write("/etc/lda/own.conf", read("/etc/lda.conf")
          + b"message_size_limit = 20k\n")
    _, queue_id, result, log = deliver(w, to, Letter(b"0123456\n" * 4000),
                                       sender=sender)
    bounced(result, "5.2.3")
    reply_is_public(result.text)
    has(log, "message_size_limit", "exit=65")
    no_mail(maildir_of(w, to))
    w.postfix.bounce_of(queue_id)
    _, _, result, _ = deliver(w, to)
    sent(result, "own")


# Deferred, and delivered later.

def deferred_then_delivered(w, to, dsn, repair, words=()):
    """Delivers once before and once after repair()."""
    letter, queue_id, result, log = deliver(w, to)
    deferred(result, dsn)
    reply_is_public(result.text)
    has(log, *words, 'reply="%s ' % re.escape(dsn), "exit=75")
    repair()
    service = to.split("@")[1].split(".")[0]
    sent(w.postfix.retry(queue_id), service)
    _, content = only_mail(maildir_of(w, to))
    true(content.endswith(letter.octets), "another letter")
    true(w.postfix.removed(queue_id), "still in the queue")


@test("postfix")
def a_broken_configuration_defers_until_it_is_repaired(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    good = read("/etc/lda.conf")
    for broken, line in ((good + b"no_such_setting = 1\n",
                          good.count(b"\n") + 1),
                         (b"mail_location maildir:~/Maildir\n" + good, 1),
                         (good + b"\ndelivery_timeout = soon\n",
                          good.count(b"\n") + 2)):
        w.users_file(to)
        write("/etc/lda.conf", broken)
        deferred_then_delivered(
            w, to, "4.3.5", lambda: write("/etc/lda.conf", good),
            [r"/etc/lda\.conf.{1,8}\b%d\b" % line])


@test("postfix")
def an_unreadable_configuration_defers(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    os.chmod("/etc/lda.conf", 0o600)
    deferred_then_delivered(
        w, to, "4.3.5", lambda: os.chmod("/etc/lda.conf", 0o644),
        [r"/etc/lda\.conf"])


@test("postfix")
def a_missing_configuration_file_of_c_defers(w):
    to = "alice@own.invalid"
    w.users_file(to)
    if os.path.exists("/etc/lda/own.conf"):
        os.unlink("/etc/lda/own.conf")
    deferred_then_delivered(
        w, to, "4.3.5",
        lambda: write("/etc/lda/own.conf", read("/etc/lda.conf")),
        [r"/etc/lda/own\.conf"])


@test("postfix")
def no_configuration_at_all_defers_a_user_with_a_domain(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    good = read("/etc/lda.conf")
    os.unlink("/etc/lda.conf")
    deferred_then_delivered(
        w, to, "4.4.3", lambda: write("/etc/lda.conf", good), ["userdb"])


@test("postfix")
def a_missing_program_defers(w):
    to = "alice@missing.invalid"
    w.users_file(to)
    _, queue_id, result, _ = deliver(w, to)
    same(result.status, "deferred", str(result))
    os.symlink(w.lda, "/usr/local/sbin/no-such-lda")
    try:
        sent(w.postfix.retry(queue_id), "missing")
    finally:
        os.unlink("/usr/local/sbin/no-such-lda")
    only_mail(maildir_of(w, to))


@test("postfix")
def several_recipients_in_one_run_are_deferred(w):
    names = ["alice@many.invalid", "ben@many.invalid", "carl@many.invalid"]
    w.users_file(*names)
    mark = w.sink.mark()
    queue_id = w.postfix.send(SENDER, names, Letter().octets)
    for name in names:
        result = w.postfix.result(queue_id, name, mark)
        deferred(result, "4.3.5")
        reply_is_public(result.text)
    has(w.sink.lda(mark), r"_destination_recipient_limit = 1")
    for name in names:
        no_mail(maildir_of(w, name))


def left_in(w, service):
    to = "alice@%s.invalid" % service
    w.users_file(to)
    _, _, result, log = deliver(w, to)
    deferred(result, "4.3.5")
    reply_is_public(result.text)
    no_mail(maildir_of(w, to))


@test("postfix")
def n_left_in_the_command_defers(w):
    left_in(w, "dashn")


@test("postfix")
def t_left_in_the_command_defers(w):
    left_in(w, "dasht")


@test("postfix")
def V_left_in_the_command_defers(w):
    left_in(w, "dashv")


@test("postfix")
def an_emptied_users_file_defers(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    good = read("/etc/lda/users")
    write("/etc/lda/users", b"")
    deferred_then_delivered(
        w, to, "4.4.3", lambda: write("/etc/lda/users", good),
        ["/etc/lda/users"])


@test("postfix")
def a_half_written_users_file_defers(w):
    to = "alice@drhu.invalid"
    w.users_file("ben@drhu.invalid", to)
    good = read("/etc/lda/users")
    # Cut in the line of the user, and before it.
    for at in (good.index(b"alice") + 24, good.index(b"alice") + 3,
               good.index(b"alice") - 4):
        w.users_file("ben@drhu.invalid", to)
        write("/etc/lda/users", good[:at])
        deferred_then_delivered(
            w, to, "4.4.3", lambda: write("/etc/lda/users", good),
            ["/etc/lda/users"])


@test("postfix")
def a_users_file_that_is_away_or_out_of_reach_defers(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    good = read("/etc/lda/users")
    os.unlink("/etc/lda/users")
    deferred_then_delivered(
        w, to, "4.4.3", lambda: write("/etc/lda/users", good),
        ["/etc/lda/users"])
    w.users_file(to)
    os.chmod("/etc/lda/users", 0o600)
    deferred_then_delivered(
        w, to, "4.4.3", lambda: os.chmod("/etc/lda/users", 0o644),
        ["/etc/lda/users"])


@test("postfix")
def a_name_service_that_is_down_defers_unknown_names(w):
    good = read("/etc/nsswitch.conf")
    to, unknown = "alice@drhu.invalid", "nobody-here@drhu.invalid"
    w.users_file(to)
    write("/etc/lda/own.conf", "userdb = passwd\nauth_username_format = %Ln\n"
          "mail_location = maildir:~/Maildir\n")
    unknown = "nobody-here@own.invalid"
    try:
        write("/etc/nsswitch.conf", good.replace(
            b"passwd: files\n", b"passwd: files ldap\n"))
        _, queue_id, result, log = deliver(w, unknown)
        deferred(result, "4.4.3")
        reply_is_public(result.text)
        has(log, "nsswitch.conf", "nss_notfound")
        write("/etc/lda/own.conf", read("/etc/lda/own.conf")
              + b"nss_notfound = unknown\n")
        bounced(w.postfix.retry(queue_id), "5.1.1")
    finally:
        write("/etc/nsswitch.conf", good)


@test("postfix")
def an_unknown_name_bounces_while_the_name_service_is_files_only(w):
    write("/etc/lda/own.conf", "userdb = passwd\nauth_username_format = %Ln\n"
          "mail_location = maildir:~/Maildir\n")
    _, _, result, log = deliver(w, "nobody-here@own.invalid")
    bounced(result, "5.1.1")


@test("postfix")
def a_mail_over_mailbox_size_limit_defers(w):
    to = "alice@own.invalid"
    w.users_file(to)
    good = read("/etc/lda.conf")
    write("/etc/lda/own.conf", good + b"mailbox_size_limit = 20k\n")
    letter, queue_id, result, log = deliver(w, to,
                                            Letter(b"0123456\n" * 4000))
    deferred(result, "4.2.2")
    reply_is_public(result.text)
    has(log, "mailbox_size_limit", "exit=75")
    no_mail(maildir_of(w, to))
    write("/etc/lda/own.conf", good)
    sent(w.postfix.retry(queue_id), "own")


@test("postfix")
def a_mail_root_that_cannot_be_written_defers(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    maildir = os.path.join(w.make_home(to), "Maildir")
    make_maildir(maildir, 5000)
    for sub in ("new", "tmp", "cur"):
        os.chown(os.path.join(maildir, sub), 0, 0)
    os.chown(maildir, 0, 0)

    def repair():
        for sub in ("new", "tmp", "cur", ""):
            os.chown(os.path.join(maildir, sub), 5000, 5000)
    deferred_then_delivered(w, to, "4.2.1", repair, ["Permission denied",
                                                     "5000"])


@test("postfix")
def a_virtual_home_that_cannot_be_made_defers(w):
    to = "alice@drhu.invalid"
    os.makedirs("/srv/locked", exist_ok=True)
    write("/etc/lda/users", to + "::5000:5000::/srv/locked/alice::\n")

    def repair():
        w.users_file(to)
    deferred_then_delivered(w, to, "4.2.1", repair, ["/srv/locked"])


@test("postfix")
def a_full_disk_defers(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    home = w.make_home(to)
    world.mount("-t", "tmpfs", "-o", "size=64k,uid=5000,gid=5000,mode=700",
                "small", home)
    try:
        letter, queue_id, result, log = deliver(
            w, to, Letter(b"0123456\n" * 20000))
        deferred(result, "4.3.1")
        reply_is_public(result.text)
        has(log, "No space left")
        no_mail(home + "/Maildir")
        world.mount("-o", "remount,size=1m", home)
        sent(w.postfix.retry(queue_id), "drhu")
        only_mail(home + "/Maildir")
    finally:
        world.umount(home)


# Interrupted.

BIG = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n" \
    * (40 * 1024 * 1024 // 64)


def octets_read(pid):
    """What a process that is being stopped has read, or None if it ends."""
    while True:
        status = world.status_of(pid)
        if status is None or status["State"][0] in "ZX":
            return None
        if status["State"][0] == "T":
            break
        time.sleep(0.001)
    counts = dict(line.split(": ") for line in
                  read("/proc/%d/io" % pid).decode().splitlines())
    return int(counts["rchar"])


def stopped_in_the_middle(w, to, uid, tries=8):
    """Sends big letters until one lda could be stopped while it was reading:
    its pid, queue id and letter."""
    for _ in range(tries):
        letter = Letter(BIG)
        queued = []

        def send():
            queued.append(w.postfix.send(SENDER, to, letter.octets))
        thread = threading.Thread(target=send)
        pid = world.catch("lda", uid, thread.start)
        thread.join()
        if pid is None:
            continue
        # On, in small steps, until it has begun to read mail.
        while (octets := octets_read(pid)) is not None and octets < 100000:
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.0005)
            os.kill(pid, signal.SIGSTOP)
        if octets is not None and octets < len(BIG) - 100000:
            return pid, queued[0], letter
        if octets is not None:
            os.kill(pid, signal.SIGCONT)
        w.postfix.result(queued[0])
        w.users_file(to)
    raise Skip("no lda could be caught while it was reading")


@test("postfix")
def a_killed_pipe_leaves_nothing_truncated(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    maildir = maildir_of(w, to)
    pid, queue_id, letter = stopped_in_the_middle(w, to, 5000)
    feeder = int(world.status_of(pid)["PPid"])
    same(world.status_of(feeder)["Name"], "pipe", "the parent of lda")
    mark = w.sink.mark()
    os.kill(feeder, signal.SIGKILL)
    true(world.gone(feeder), "pipe(8) lives")
    os.kill(pid, signal.SIGCONT)
    true(world.gone(pid, 20), "lda does not end")
    no_mail(maildir)
    has(w.sink.lda(mark), "exit=75", "gone")
    lacks(w.sink.lda(mark), "saved mail")
    w.postfix.retry(queue_id, ["sent"])
    _, content = only_mail(maildir)
    true(content.endswith(letter.octets), "the letter is not whole")


@test("postfix")
def a_killed_lda_leaves_nothing_that_a_reader_sees(w):
    to = "alice@drhu.invalid"
    w.users_file(to)
    maildir = maildir_of(w, to)
    pid, queue_id, letter = stopped_in_the_middle(w, to, 5000)
    os.kill(pid, signal.SIGKILL)
    result = w.postfix.result(queue_id)
    deferred(result, "4.3.0")
    same(mails(maildir), [], "mails")
    sent(w.postfix.retry(queue_id), "drhu")
    same(len(mails(maildir)), 1, "mails at last")
    true(len(debris(maildir)) <= 1, "more than one file in tmp/")
    true(read(mails(maildir)[0]).endswith(letter.octets), "not whole")


@test("postfix", "fuse")
def a_hung_file_system_defers_instead_of_bouncing(w):
    with fuse.Hung("/srv/hung"):
        write("/etc/lda/hung.conf",
              "userdb = static\nmail_uid = vmail\nmail_gid = vmail\n"
              "mail_home = /srv/hung/%n\nmail_location = maildir:~/Maildir\n")
        _, _, result, log = deliver(w, "alice@hung.invalid")
        deferred(result, "4.3.0")
        reply_is_public(result.text)
        has(log, "exit=75", "delivery_timeout")
