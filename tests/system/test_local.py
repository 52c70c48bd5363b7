"""test_local.py - lda as mailbox_command of local(8), for system users."""

import os
import re
import signal

import world
from cases import has, lacks, reply_is_public, same, test, true
from letters import (Letter, deferred, hostile, no_mail, only_mail, saved,
                     whole)
from test_pipe import SENDER, stopped_in_the_middle
from world import mails, read, write

# What local(8) passes to execvp() itself; anything else goes to a shell.
NO_SHELL = re.compile(r"^[A-Za-z0-9!@%_=+:,./ \t-]*$")


def deliver(w, recipient, letter=None, sender=SENDER):
    letter = letter or Letter()
    mark = w.sink.mark()
    queue_id, result = w.postfix.deliver(sender, recipient, letter.octets)
    return letter, queue_id, result, w.sink.lda(mark)


def prepended(sender, original, recipient):
    return ("Return-Path: <%s>\nX-Original-To: %s\nDelivered-To: %s\n"
            % (sender, original, recipient)).encode()


def delivered(w, user, result, command=None):
    """Sent without a word more than the command; the mail."""
    same(str(result), "dsn=2.0.0 status=sent (delivered to command: %s)"
         % (command or w.lda), "result")
    return only_mail(os.path.join(w.fresh[user], "Maildir"))


def fresh(w, *users, **how):
    w.fresh = {user: w.fresh_home(user, **how) for user in users}


@test("postfix")
def without_arguments_to_the_user_of_the_mail(w):
    fresh(w, "bob")
    true(NO_SHELL.match(w.lda), "mailbox_command needs a shell: " + w.lda)
    letter, queue_id, result, log = deliver(w, "bob@mx.invalid",
                                            Letter(hostile()))
    path, content = delivered(w, "bob", result)
    whole(content, prepended(SENDER, "bob@mx.invalid", "bob@mx.invalid"),
          letter, queue_id)
    saved(log, "bob", letter, **{"from": "<%s>" % SENDER, "size": len(content),
                                 "queue_id": queue_id})
    entry = os.stat(path)
    same((entry.st_uid, entry.st_gid, entry.st_mode & 0o777),
         (5001, 5001, 0o600), "owner, group and mode")


@test("postfix")
def without_arguments_there_is_no_shell_between(w):
    fresh(w, "bob")
    pid, queue_id, _ = stopped_in_the_middle(w, "bob@noarg.invalid", 5001)
    above = world.status_of(int(world.status_of(pid)["PPid"]))
    os.kill(pid, signal.SIGCONT)
    same(above["Name"], "local", "the parent of lda")
    same(w.postfix.result(queue_id).status, "sent", "status")


@test("postfix")
def the_detail_is_not_part_of_the_user(w):
    fresh(w, "bob")
    letter, queue_id, result, log = deliver(w, "Bob+Some.Detail@noarg.invalid")
    _, content = delivered(w, "bob", result)
    true(content.endswith(letter.octets), "the letter is not whole")
    saved(log, "bob", letter, queue_id=queue_id)


@test("postfix")
def the_null_sender(w):
    for service in ("noarg", "shell"):
        fresh(w, "bob")
        to = "bob@%s.invalid" % service
        letter, queue_id, result, log = deliver(w, to, sender="")
        _, content = only_mail(w.fresh["bob"] + "/Maildir")
        whole(content, prepended("", to, to), letter, queue_id)
        saved(log, "bob", letter, **{"from": "<>"})


@test("postfix")
def through_a_shell_with_sender_and_recipient(w):
    fresh(w, "bob")
    to = "bob+work@shell.invalid"
    letter, queue_id, result, log = deliver(w, to)
    _, content = delivered(
        w, "bob", result, w.lda + ' -f "$SENDER" -a "$RECIPIENT"')
    whole(content, prepended(SENDER, to, to), letter, queue_id)
    saved(log, "bob", letter, **{"from": "<%s>" % SENDER,
                                 "orig_to": "<%s>" % to})


@test("postfix")
def the_headers_win_over_what_local_has_mangled(w):
    fresh(w, "bob")
    sender, to = "o'brien#1@letters.invalid", "bob+o'detail@shell.invalid"
    letter, queue_id, result, log = deliver(w, to, sender=sender)
    _, content = only_mail(w.fresh["bob"] + "/Maildir")
    whole(content, prepended(sender, to, to), letter, queue_id)
    saved(log, "bob", letter, **{"from": "<%s>" % sender,
                                 "orig_to": "<%s>" % to})


@test("postfix")
def an_alias_with_odd_characters(w):
    fresh(w, "bob")
    to = "o'neil@mx.invalid"
    letter, queue_id, result, log = deliver(w, to)
    _, content = delivered(w, "bob", result)
    whole(content, prepended(SENDER, to, to), letter, queue_id)
    saved(log, "bob", letter, orig_to="<%s>" % to)


@test("postfix")
def a_forward_file_may_name_lda(w):
    fresh(w, "bob")
    write(w.fresh["bob"] + "/.forward", '"|%s -e"\n' % w.lda)
    os.chown(w.fresh["bob"] + "/.forward", 5001, 5001)
    letter, queue_id, result, log = deliver(w, "bob@noarg.invalid")
    _, content = delivered(w, "bob", result, w.lda + " -e")
    true(content.endswith(letter.octets), "the letter is not whole")
    saved(log, "bob", letter)


@test("postfix")
def a_home_without_Maildir_gets_one(w):
    fresh(w, "bob", maildir=False)
    letter, _, result, log = deliver(w, "bob@noarg.invalid")
    delivered(w, "bob", result)
    for sub in ("", "/cur", "/new", "/tmp"):
        entry = os.stat(w.fresh["bob"] + "/Maildir" + sub)
        same((entry.st_uid, entry.st_gid, entry.st_mode & 0o777),
             (5001, 5001, 0o700), "owner, group and mode of Maildir" + sub)


@test("postfix")
def auto_takes_the_Maildir_that_exists(w):
    fresh(w, "bob")
    write("/etc/lda.conf", "mydestination = mx.invalid\n")
    letter, _, result, log = deliver(w, "bob@noarg.invalid")
    delivered(w, "bob", result)


@test("postfix")
def a_home_that_is_not_there_defers(w):
    _, queue_id, result, log = deliver(w, "ghost@noarg.invalid")
    deferred(result, "4.2.1")
    reply_is_public(result.text)
    has(log, r"^lda\(ghost\)", "/home/ghost", "exit=75")
    true(not os.path.exists("/home/ghost"), "the home was made")
    os.mkdir("/home/ghost", 0o700)
    os.chown("/home/ghost", 5004, 5004)
    try:
        same(w.postfix.retry(queue_id).status, "sent", "status at last")
        only_mail("/home/ghost/Maildir")
    finally:
        world.shutil.rmtree("/home/ghost")


@test("postfix")
def a_home_of_somebody_else_defers(w):
    fresh(w, "dave")
    os.chown("/home/dave", 0, 0)
    try:
        _, queue_id, result, log = deliver(w, "dave@noarg.invalid")
        deferred(result, "4.2.1")
        reply_is_public(result.text)
        has(log, "/home/dave", "Permission denied", "5006")
    finally:
        os.chown("/home/dave", 5006, 5006)
    same(w.postfix.retry(queue_id).status, "sent", "status at last")


@test("postfix")
def mail_for_root_is_deferred_and_says_what_to_do(w):
    _, _, result, log = deliver(w, "root@noarg.invalid")
    same(result.status, "deferred", str(result))
    reply_is_public(result.text)
    has(log, "alias root", "exit=75")
    same(mails("/root/Maildir"), [], "mails of root")


@test("postfix")
def a_broken_configuration_defers_until_it_is_repaired(w):
    fresh(w, "bob")
    good = read("/etc/lda.conf")
    write("/etc/lda.conf", good + b"mail_fsync = perhaps\n")
    for service in ("noarg", "shell"):
        fresh(w, "bob")
        write("/etc/lda.conf", good + b"mail_fsync = perhaps\n")
        _, queue_id, result, log = deliver(w, "bob@%s.invalid" % service)
        deferred(result, "4.3.5")
        reply_is_public(result.text)
        has(log, r"/etc/lda\.conf.{1,8}\b%d\b" % (good.count(b"\n") + 1),
            "mail_fsync", "perhaps", "exit=75")
        no_mail(w.fresh["bob"] + "/Maildir")
        write("/etc/lda.conf", good)
        same(w.postfix.retry(queue_id).status, "sent", "status at last")
        only_mail(w.fresh["bob"] + "/Maildir")


@test("postfix")
def a_missing_program_defers_where_there_is_no_shell(w):
    fresh(w, "bob")
    _, queue_id, result, _ = deliver(w, "bob@gone.invalid")
    same(result.status, "deferred", str(result))
    os.symlink(w.lda, "/usr/local/sbin/no-such-lda")
    try:
        result = w.postfix.retry(queue_id)
    finally:
        os.unlink("/usr/local/sbin/no-such-lda")
    delivered(w, "bob", result, "/usr/local/sbin/no-such-lda")


@test("postfix")
def n_left_in_the_command_defers(w):
    fresh(w, "bob")
    _, _, result, log = deliver(w, "bob@ldashn.invalid")
    deferred(result, "4.3.5")
    no_mail(w.fresh["bob"] + "/Maildir")


@test("postfix")
def a_limit_on_file_size_in_the_way_defers(w):
    """Set by a shell; of its own mailbox_size_limit Postfix 3.7 makes sure
    that it is larger than the queue file, so a Maildir never meets it."""
    fresh(w, "bob")
    _, _, result, log = deliver(w, "bob@ulimit.invalid",
                                Letter(b"0123456\n" * 20000))
    deferred(result, "4.2.2")
    reply_is_public(result.text)
    has(log, "mailbox_size_limit", "51200", "exit=75")
    no_mail(w.fresh["bob"] + "/Maildir")


@test("postfix")
def a_limit_on_file_size_that_leaves_room_is_no_matter(w):
    for service, lines in (("ulimit", 5000), ("limit", 8000)):
        fresh(w, "bob")
        letter, _, result, _ = deliver(w, "bob@%s.invalid" % service,
                                       Letter(b"0123456\n" * lines))
        same(result.status, "sent", str(result))
        _, content = only_mail(w.fresh["bob"] + "/Maildir")
        true(content.endswith(letter.octets), "the letter is not whole")


@test("postfix")
def settings_of_the_user_are_not_read_from_the_home(w):
    """USER, HOME and MAIL_CONFIG are Postfix's; a file in the home that is
    called like our configuration is only a file."""
    fresh(w, "eve")
    write("/home/eve/lda.conf", "mail_location = maildir:/tmp/eve\n")
    _, _, result, _ = deliver(w, "eve@noarg.invalid")
    delivered(w, "eve", result)


def killed_feeder(w, to, user):
    """Kills the process of Postfix that feeds lda in the middle of a letter;
    what lda logs afterwards."""
    fresh(w, user)
    maildir = w.fresh[user] + "/Maildir"
    pid, queue_id, letter = stopped_in_the_middle(w, to, 5001)
    above = int(world.status_of(pid)["PPid"])
    if world.status_of(above)["Name"] != "local":
        above = int(world.status_of(above)["PPid"])
    same(world.status_of(above)["Name"], "local", "who feeds lda")
    mark = w.sink.mark()
    os.kill(above, signal.SIGKILL)
    true(world.gone(above), "local(8) lives")
    os.kill(pid, signal.SIGCONT)
    true(world.gone(pid, 20), "lda does not end")
    no_mail(maildir)
    lacks(w.sink.lda(mark), "saved mail")
    has(w.sink.lda(mark), "gone")
    w.postfix.retry(queue_id, ["sent"])
    _, content = only_mail(maildir)
    true(content.endswith(letter.octets), "the letter is not whole")


@test("postfix")
def a_killed_local_leaves_nothing_truncated(w):
    killed_feeder(w, "bob@noarg.invalid", "bob")


@test("postfix")
def a_killed_local_leaves_nothing_truncated_behind_a_shell(w):
    killed_feeder(w, "bob@shell.invalid", "bob")


@test("postfix")
def a_crash_behind_a_shell_defers(w):
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
        fresh(w, "bob")
        pid, queue_id, letter = stopped_in_the_middle(
            w, "bob@shell.invalid", 5001)
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
        result = w.postfix.result(queue_id)
        deferred(result, "4.3.0")
        reply_is_public(result.text)
        same(mails(w.fresh["bob"] + "/Maildir"), [], "mails")
        same(w.postfix.retry(queue_id).status, "sent", "status at last")
