"""test_spool.py - lda and the mail spool: every way in which it is started
with rights that its caller has not, and what each process does with them."""

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import spool
import world
from cases import has, lacks, reply_is_public, same, test, true
from letters import Letter, deferred, hostile, only_mail, whole
from spool import MAIL, SPOOL, as_user, box, no_box, prepare, tidy
from test_root import ok, refused
from test_pipe import SENDER
from world import read, write

RELAY = "/usr/local/sbin/lda-relay-mail"
LOCAL = {"USER": "bob", "LOGNAME": "bob", "HOME": "/home/bob"}


def prepended(to):
    return ("Return-Path: <%s>\nX-Original-To: %s\nDelivered-To: %s\n"
            % (SENDER, to, to)).encode()


def through_postfix(w, service, user, letter=None):
    spool.services(w)
    to = "%s@%s.invalid" % (user, service)
    letter = letter or Letter()
    mark = w.sink.mark()
    queue_id, result = w.postfix.deliver(SENDER, to, letter.octets)
    return to, letter, queue_id, result, w.sink.lda(mark)


def arrives(w, service, mode):
    prepare(w, "bob", mode=mode)
    letter = Letter(hostile())
    to, letter, queue_id, result, log = through_postfix(
        w, service, "bob", letter)
    same(result.status, "sent", str(result) + "\n" + log)
    found = box("bob", 1, uid=5001)
    same(found.senders, [SENDER.encode()], "sender of the From_ line")
    whole(found.mails[0], prepended(to), letter, queue_id)
    has(log, "saved mail to INBOX")
    # Once more, into the mailbox that is there.
    through_postfix(w, service, "bob")
    box("bob", 2, uid=5001)
    tidy("bob")
    same(os.listdir("/home/bob"), [], "the home")


@test("postfix")
def setgid_as_mailbox_command_with_a_spool_of_a_group(w):
    arrives(w, "setgid", 0o2775)


@test("postfix")
def setgid_as_mailbox_command_with_a_spool_for_all(w):
    arrives(w, "setgid", 0o1777)


@test("postfix")
def the_relay_over_an_lda_without_a_bit(w):
    arrives(w, "relay", 0o2775)


@test("postfix")
def no_bit_is_needed_where_all_may_write(w):
    arrives(w, "plain", 0o1777)


@test("postfix")
def without_the_bit_the_log_names_the_remedies(w):
    prepare(w, "bob")
    write(SPOOL + "/bob", "")
    os.chown(SPOOL + "/bob", 5001, MAIL)
    os.chmod(SPOOL + "/bob", 0o600)
    _, _, queue_id, result, log = through_postfix(w, "plain", "bob")
    same(result.status, "deferred", str(result))
    reply_is_public(result.text)
    has(log, re.escape(SPOOL), r"gid %d\b" % MAIL, "lda-relay",
        "mbox_write_locks = fcntl dotlock_try", "exit=75")
    same(read(SPOOL + "/bob"), b"", "the mailbox")
    tidy("bob")
    write("/etc/lda.conf",
          spool.CONF + "mbox_write_locks = fcntl dotlock_try\n")
    same(w.postfix.retry(queue_id).status, "sent", "status at last")
    box("bob", 1)


@test("postfix")
def without_the_bit_a_missing_mailbox_defers(w):
    prepare(w, "bob", conf=spool.CONF
            + "mbox_write_locks = fcntl dotlock_try\n")
    _, _, _, result, log = through_postfix(w, "plain", "bob")
    same(result.status, "deferred", str(result))
    reply_is_public(result.text)
    has(log, re.escape(SPOOL), "exit=75")
    tidy()


@test()
def root_delivers_into_the_spool_as_the_recipient(w):
    prepare(w, "bob")
    for extra in ({}, {"SUDO_USER": "eve", "SUDO_UID": "5003",
                       "SUDO_GID": "5003", "USER": "eve", "HOME": "/home/eve",
                       "LOGNAME": "eve"}):
        ok(w.run("-d", "bob", "-f", "a@b.example", env=extra,
                 stdin=Letter().octets))
    box("bob", 2, uid=5001)
    tidy("bob")


@test()
def root_does_not_touch_a_spool_of_its_own_group(w):
    """Where the directory's group is root there is no group to give."""
    prepare(w, "bob")
    os.chown(SPOOL, 0, 0)
    os.chmod(SPOOL, 0o755)
    run = w.run("-d", "bob", stdin=Letter().octets)
    same(run.status, 75, str(run))
    tidy()


# lda-relay.

@test()
def the_relay_passes_on_a_known_environment_and_nothing_else(w):
    prepare(w, "bob")
    given = {"USER": "bob", "LOGNAME": "bob", "HOME": "/home/bob",
             "LOCAL": "bob", "DOMAIN": "mx.invalid", "EXTENSION": "",
             "SENDER": "a@b", "RECIPIENT": "bob@mx.invalid",
             "ORIGINAL_RECIPIENT": "bob@mx.invalid",
             "MAIL_CONFIG": "/etc/postfix", "TZ": "UTC"}
    evil = {"LD_PRELOAD": "/tmp/x.so", "LD_LIBRARY_PATH": "/tmp",
            "IFS": "x", "PATH": "/tmp", "TMPDIR": "/tmp", "USERX": "eve",
            "MALLOC_TOP_PAD_": "1", "GLIBC_TUNABLES": "x=y", "LANG": "x",
            "TZDIR": "/tmp", "NLSPATH": "/tmp", "SHELL": "/bin/sh"}
    status, _, calls = spool.strace(
        w, RELAY, env={**given, **evil}, stdin=Letter().octets,
        options=["-v", "-s", "2000"])
    same(status, 0, "exit status")
    execs = [c for c in calls if c.name == "execve"]
    same(len(execs), 2, "programs: " + "\n".join(map(str, execs)))
    words = re.findall(r"\[(.*?)\]", execs[1].rest)
    same(re.findall(r'"([^"]*)"', words[0]), [w.lda], "arguments")
    same(sorted(re.findall(r'"([^"]*)"', words[1])),
         sorted("%s=%s" % pair for pair in given.items()), "environment")
    box("bob", 1)


@test()
def the_relay_without_lda_defers_and_says_so(w):
    prepare(w, "bob")
    os.rename(w.lda, w.lda + ".away")
    try:
        for content in (None, b"no program"):
            if content:
                write(w.lda, content, 0o644)
            process = subprocess.run(
                [RELAY, "-d", "bob"], input=b"x", capture_output=True,
                user=5001, group=5001, extra_groups=[], env={})
            same(process.returncode, 75, "exit status")
            has(process.stdout.decode(), r"^4\.3\.5 ")
            reply_is_public(process.stdout.decode())
    finally:
        os.rename(w.lda + ".away", w.lda)


@test()
def the_relay_without_a_name_or_arguments(w):
    """argc 0: execve with an empty list."""
    prepare(w, "bob")
    code = ("import ctypes, os\n"
            "libc = ctypes.CDLL(None)\n"
            "empty = (ctypes.c_char_p * 1)(None)\n"
            "env = (ctypes.c_char_p * 2)(b'USER=bob', None)\n"
            "libc.execve(b'%s', empty, env)\nos._exit(99)\n")
    for program in (RELAY, "/usr/local/sbin/lda-mail"):
        done = subprocess.run(
            ["/usr/bin/python3", "-c", code % program],
            input=Letter().octets, capture_output=True, user=5001,
            group=5001, extra_groups=[])
        true(done.returncode in (0, 75), "%s: status %d, %r" % (
            program, done.returncode, done.stdout))


# A set-user-ID lda for virtual users with many uids.

def setuid_copy(mode, gid=5002):
    path = "/usr/local/sbin/lda-root"
    if os.path.exists(path):
        os.unlink(path)
    shutil.copy("/usr/local/sbin/lda", path)
    os.chown(path, 0, gid)
    os.chmod(path, mode)
    return path


def virtual_users(w):
    prepare(w, "alice")
    write("/etc/lda.conf", "userdb = passwd-file:/etc/lda/users\n"
          "mail_location = maildir:~/Maildir\n")
    for name, uid in (("anna", 5101), ("ulf", 5102)):
        home = "/srv/mail/" + name
        shutil.rmtree(home, ignore_errors=True)
        os.mkdir(home, 0o700)
        os.chown(home, uid, uid)
    write("/etc/lda/users", "anna@v.invalid::5101:5101::/srv/mail/anna::\n"
          "ulf@v.invalid::5102:5102::/srv/mail/ulf::\n"
          "null@v.invalid::0:0::/root::\n")


@test()
def setuid_root_delivers_for_each_uid(w):
    virtual_users(w)
    program = setuid_copy(0o4750)
    for name, uid in (("anna", 5101), ("ulf", 5102)):
        letter = Letter()
        ok(w.run("-d", name + "@v.invalid", user="alice", program=program,
                 stdin=letter.octets))
        path, content = only_mail("/srv/mail/%s/Maildir" % name)
        same(content, letter.octets, "the mail")
        same((os.stat(path).st_uid, os.stat(path).st_gid), (uid, uid),
             "owner")
    run = w.run("-d", "null@v.invalid", user="alice", program=program,
                stdin=Letter().octets)
    same(run.status, 75, str(run))
    true(not os.path.exists("/root/Maildir"), "mail of root")


@test()
def setuid_root_drops_everything_before_it_reads_mail(w):
    virtual_users(w)
    program = setuid_copy(0o4750)
    process = w.spawn("-d", "anna@v.invalid", user="alice", program=program)
    wait_until_it_reads(process.pid)
    status = world.status_of(process.pid)
    same(status["Uid"].split(), ["5101"] * 4, "uids")
    same(status["Gid"].split(), ["5101"] * 4, "gids")
    same(status["Groups"].split(), ["5101"], "groups")
    same(int(status["CapEff"], 16), 0, "capabilities")
    process.communicate(Letter().octets, timeout=20)
    same(process.returncode, 0, "exit status")


@test()
def setuid_root_for_everybody_is_refused(w):
    virtual_users(w)
    for mode in (0o4751, 0o4755):
        program = setuid_copy(mode)
        for user in ("alice", "eve"):
            refused(w.run("-d", "anna@v.invalid", user=user, program=program,
                          stdin=Letter().octets), 75, "4.3.5")
    same(os.listdir("/srv/mail/anna"), [], "anna's home")


@test()
def setuid_to_another_user_is_refused(w):
    virtual_users(w)
    program = setuid_copy(0o4750)
    os.chown(program, 5003, 5002)
    os.chmod(program, 0o4750)
    home = "/srv/mail/third"
    shutil.rmtree(home, ignore_errors=True)
    os.mkdir(home, 0o700)
    os.chown(home, 5003, 5003)
    # Without a question of rights there would be mail for the file's owner.
    with open("/etc/lda/users", "a", encoding="ascii") as users:
        users.write("third@v.invalid::5003:5003::%s::\n" % home)
    for name in ("anna", "third"):
        refused(w.run("-d", name + "@v.invalid", user="alice",
                      program=program, stdin=Letter().octets), 75, "4.3.5")
    same(os.listdir(home), [], "home of the file's owner")


@test()
def setuid_root_tells_its_caller_no_causes(w):
    virtual_users(w)
    ours, theirs = os.openpty()
    for program, said in ((setuid_copy(0o4750), b""),
                          (w.lda, b"/etc/lda/users")):
        os.chmod("/etc/lda/users", 0o644)
        refused(w.run("-d", "stranger@v.invalid", user="alice",
                      program=program, stdin=Letter().octets,
                      stderr=theirs), 67, "5.1.1")
        os.write(theirs, b"end\n")
        told = os.read(ours, 4096)
        true(said in told and (said or told.startswith(b"end")),
             "told on the terminal: %r" % told)
    os.close(ours)
    os.close(theirs)


@test()
def setuid_root_takes_no_settings_from_its_caller(w):
    virtual_users(w)
    program = setuid_copy(0o4750)
    write("/home/alice/own.conf", "mail_location = maildir:/tmp/evil\n")
    for args in (["-c", "/home/alice/own.conf"], ["-o", "first_valid_uid=0"],
                 ["-o", "mail_location=maildir:/tmp/evil"],
                 ["-o", "syslog_socket=/tmp/evil"], ["-t"], ["-n"]):
        refused(w.run("-d", "anna@v.invalid", *args, user="alice",
                      program=program, stdin=Letter().octets), 75, "4.3.5")
    same(os.listdir("/srv/mail/anna"), [], "anna's home")
    true(not os.path.exists("/tmp/evil"), "/tmp/evil was made")


# The group, and who has it.

def wait_until_it_reads(pid, seconds=10):
    """Until the process waits for its mail."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with open("/proc/%d/syscall" % pid) as f:
                words = f.read().split()
        except OSError:
            return
        if words[:2] == ["0", "0x0"] or words[:1] in (["7"], ["271"]):
            return
        time.sleep(0.002)
    raise AssertionError("lda does not read its mail")


def children_of(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(word) for word in f.read().split()]


def started(w, *args, program="/usr/local/sbin/lda-mail", env=None,
            user="bob"):
    """lda waiting for its mail, and its keeper's pid."""
    process = w.spawn(*args, user=user, program=program, env=env or LOCAL)
    wait_until_it_reads(process.pid)
    keepers = children_of(process.pid)
    same(len(keepers), 1, "children of lda")
    return process, keepers[0]


@test()
def the_process_that_delivers_has_no_group_and_the_keeper_no_mail(w):
    lda = prepare(w, "bob")
    for program in (lda, RELAY):
        process, keeper = started(w, program=program)
        status = world.status_of(process.pid)
        same(status["Gid"].split(), ["5001"] * 4, "gids of lda")
        true(str(MAIL) not in status.get("Groups", "").split(), "groups")
        kept = world.status_of(keeper)
        same(kept["Uid"].split(), ["5001"] * 4, "uids of the keeper")
        same(kept["Gid"].split()[:2], ["5001", str(MAIL)],
             "gids of the keeper")
        for fd in ("0", "1", "2"):
            same(os.readlink("/proc/%d/fd/%s" % (keeper, fd)), "/dev/null",
                 "descriptor %s of the keeper" % fd)
        true(len(os.listdir("/proc/%d/fd" % keeper)) <= 5,
             "descriptors of the keeper")
        process.communicate(Letter().octets, timeout=20)
        same(process.returncode, 0, "exit status")
        true(world.gone(keeper), "the keeper lives on")
    box("bob", 2, uid=5001)


USERS_OWN = re.compile(r"^/home/|^/tmp/|\.conf$|^/etc/lda")
KEEPER_MAY_OPEN = re.compile(
    r"^(/dev/null|/etc/lda\.conf|/etc/passwd|/etc/group|/etc/nsswitch\.conf"
    r"|/proc/stat|/proc/sys/\S+|/var/mail|bob|bob\.lock"
    r"|\.bob\.lock\.(post|aside)\d+)$")


def judge_trace(calls):
    """The order of one set-group-ID start, call by call."""
    main = calls[0].pid
    pids = {call.pid for call in calls}
    dropped = None
    for at, call in enumerate(calls):
        if call.pid == main and call.name.startswith("setresgid") \
                and call.rest.startswith("5001, 5001, 5001") \
                and call.result == "0":
            dropped = at
            break
    true(dropped is not None, "no setresgid:\n" + "\n".join(map(str, calls)))
    for call in calls[:dropped]:
        if call.pid != main:
            continue
        true(call.name not in ("open", "openat", "stat", "readlink", "access")
             or call.path in ("/dev/null", None),
             "before the group is given up: %s" % call)
        true(not (call.name == "read" and call.rest.startswith("0<")),
             "before the group is given up: %s" % call)
        if call.name == "execve":
            true(call is calls[0] or "lda" in (call.path or ""), str(call))
    after = [c for c in calls[dropped + 1:] if c.pid == main]
    true(any(c.name == "getresgid" and c.rest.count("5001") == 3
             for c in after[:3]), "the drop is not read back")
    lacks("\n".join(map(str, after)), r"setres?gid", r"setgroups")
    keepers = pids - {main}
    same(len(keepers), 1, "processes beside lda")
    for call in calls:
        if call.pid == main:
            continue
        true(call.name not in ("execve", "fork", "vfork", "clone", "connect",
                               "socket", "chmod", "chown", "symlink",
                               "truncate", "ftruncate", "mkdir", "mkdirat"),
             "the keeper: %s" % call)
        true(call.name != "read" or not call.rest.startswith("0<pipe"),
             "the keeper reads the mail: %s" % call)
        if call.name in ("open", "openat"):
            true(KEEPER_MAY_OPEN.match(call.path or ""),
                 "the keeper opens %s" % call)
        if call.name in ("unlinkat", "linkat", "renameat", "renameat2",
                         "unlink", "link", "rename"):
            for path in re.findall(r'"([^"]*)"', call.rest):
                true(KEEPER_MAY_OPEN.match(path), "the keeper: %s" % call)


@test()
def no_process_with_the_group_meets_an_argument_a_file_or_a_mail(w):
    lda = prepare(w, "bob")
    write("/home/bob/own.conf", "mbox_lock_timeout = 1s\n")
    os.chown("/home/bob/own.conf", 5001, 5001)
    for args, env in (
            ([], LOCAL), (["-f", "x@y", "-a", "bob+d@z", "-e"], LOCAL),
            (["-c", "/home/bob/own.conf"], LOCAL), (["-d", "eve"], LOCAL),
            (["-c", "/home/eve/none"], LOCAL), (["--nonsense"], LOCAL),
            (["-m", "../../etc"], LOCAL), ([], {"USER": "eve"}), ([], {}),
            ([], {**LOCAL, "TZ": ":/home/bob/own.conf"})):
        for program in (lda, RELAY):
            status, _, calls = spool.strace(
                w, program, *args, env=env, stdin=Letter().octets)
            true(status in (0, 67, 75), "status %d of %s" % (status, args))
            if program == RELAY:
                true(calls[0].name == "execve" and calls[1].name in (
                    "execve", "arch_prctl", "set_tid_address", "brk", "mmap",
                    "mprotect", "rt_sigprocmask"), str(calls[1]))
            judge_trace(calls)
    no_box("eve")
    tidy("bob")


@test()
def what_the_caller_says_never_reaches_another_mailbox(w):
    lda = prepare(w, "bob", "alice")
    write(SPOOL + "/alice", "")
    os.chown(SPOOL + "/alice", 5002, MAIL)
    os.chmod(SPOOL + "/alice", 0o660)
    write("/home/bob/own.conf", "mydestination = mx.invalid\n"
          "mail_spool_directory = /home/alice\nuserdb = static\n"
          "mail_uid = 5002\nmail_gid = 5002\nmail_home = /home/alice\n")
    os.chown("/home/bob/own.conf", 5001, 5001)
    before = (os.stat(SPOOL + "/alice"), os.listdir("/home/alice"))
    for args, env in (
            (["-d", "alice"], LOCAL), ([], {**LOCAL, "USER": "alice"}),
            ([], {"USER": "alice", "HOME": "/home/alice"}),
            (["-d", "ALICE@mx.invalid"], {}),
            (["-r", "alice@mx.invalid"], {}),
            (["-c", "/home/bob/own.conf"], LOCAL),
            (["-o", "mail_spool_directory=/home/alice"], LOCAL),
            (["-o", "mail_location=mbox:~/m:INBOX=/var/mail/alice"], LOCAL),
            (["-o", "mail_location=mbox:/var/mail", "-m", "alice"], LOCAL),
            (["-o", "mail_path=/var/mail", "-o", "mail_driver=mbox",
              "-m", "alice"], LOCAL),
            (["-o", "userdb=static", "-o", "mail_home=/home/alice", "-o",
              "mail_uid=5002", "-d", "alice"], LOCAL),
            (["-m", "../alice"], LOCAL), (["-m", "/var/mail/alice"], LOCAL),
            ([], {**LOCAL, "HOME": "/home/alice"})):
        run = w.run(*args, user="bob", program=lda, env=env,
                    stdin=Letter().octets)
        true(run.status in (0, 67, 75), "%s: %s" % (args, run))
        after = os.stat(SPOOL + "/alice")
        same((after.st_size, after.st_mtime_ns, after.st_ino),
             (0, before[0].st_mtime_ns, before[0].st_ino),
             "alice's mailbox after %s" % args)
        same(os.listdir("/home/alice"), before[1], "alice's home")
        same([name for name in os.listdir(SPOOL)
              if name not in ("alice", "bob")], [], "left in the spool")


@test()
def a_configuration_that_is_not_roots_gives_no_lock(w):
    lda = prepare(w, "bob")
    for uid, gid, mode in ((5001, 0, 0o644), (0, MAIL, 0o664),
                           (0, 0, 0o646), (5003, 5003, 0o644)):
        os.chown("/etc/lda.conf", uid, gid)
        os.chmod("/etc/lda.conf", mode)
        run = w.run(user="bob", program=lda, env=LOCAL,
                    stdin=Letter().octets)
        refused(run, 75, "4.3.5")
        has(run.log, r"/etc/lda\.conf", "root")
        tidy()
    write("/etc/lda.conf", spool.CONF)
    os.chown("/etc/lda.conf", 0, 0)
    ok(w.run(user="bob", program=lda, env=LOCAL, stdin=Letter().octets))
    box("bob", 1)


@test()
def the_lock_is_that_of_the_mailbox(w):
    """A spool that is only in the caller's settings is not the keeper's: the
    lock has to be the mailbox's own, or there is no delivery."""
    lda = prepare(w, "bob")
    os.mkdir("/home/bob/spool", 0o700)
    os.chown("/home/bob/spool", 5001, 5001)
    write("/home/bob/spool/bob", "")
    os.chown("/home/bob/spool/bob", 5001, 5001)
    write("/home/bob/spool/bob.lock", "%d" % os.getpid())
    run = w.run("-o", "mail_spool_directory=/home/bob/spool", user="bob",
                program=lda, env=LOCAL, stdin=Letter().octets)
    same(read("/home/bob/spool/bob"), b"",
         "a mailbox that somebody else has locked; " + str(run))
    same(run.status, 75, str(run))


@test()
def two_names_of_one_uid_have_two_locks(w):
    lda = prepare(w, "bob")
    passwd = read("/etc/passwd")
    write("/etc/passwd", passwd + b"robert:x:5001:5001::/home/bob:/bin/sh\n")
    try:
        write(SPOOL + "/robert", "")
        os.chown(SPOOL + "/robert", 5001, MAIL)
        os.chmod(SPOOL + "/robert", 0o600)
        write(SPOOL + "/robert.lock", "%d" % os.getpid())
        run = w.run(user="bob", program=lda, stdin=Letter().octets,
                    env={"USER": "robert", "HOME": "/home/bob"})
        same(read(SPOOL + "/robert"), b"",
             "a mailbox that somebody else has locked; " + str(run))
        same(run.status, 75, str(run))
    finally:
        write("/etc/passwd", passwd)


# The keeper's life.

def locked_by_keeper(seconds=5):
    """Until there is the lock, and its hitching post is gone again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if sorted(os.listdir(SPOOL)) == ["bob", "bob.lock"]:
            return True
        time.sleep(0.001)
    return False


def hold_the_middle(w, lda):
    """lda between its dotlock and its end: the sync of the mailbox takes
    long.  The tracer, and the pids of lda and keeper."""
    tracer = subprocess.Popen(
        ["/usr/bin/strace", "-f", "-u", "bob", "-o", "/dev/null",
         "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=1500ms", "--", lda],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env=LOCAL, cwd="/")
    w.started.append(tracer)
    tracer.stdin.write(Letter().octets)
    tracer.stdin.close()
    true(locked_by_keeper(), "no lock in time")
    text = read(SPOOL + "/bob.lock").decode()
    same(text.partition(":")[2], socket.gethostname(), "host in the lock")
    keeper = int(text.partition(":")[0])
    same(os.stat(SPOOL + "/bob.lock").st_mode & 0o777, 0o644, "mode of it")
    main = int(world.status_of(keeper)["PPid"])
    return tracer, main, keeper


@test()
def the_keeper_unlocks_when_lda_is_killed(w):
    lda = prepare(w, "bob")
    ok(w.run(user="bob", program=lda, env=LOCAL, stdin=Letter().octets))
    tracer, main, keeper = hold_the_middle(w, lda)
    os.kill(main, signal.SIGKILL)
    true(world.gone(keeper), "the keeper lives on")
    tidy("bob")
    tracer.wait(timeout=20)
    ok(w.run(user="bob", program=lda, env=LOCAL, stdin=Letter().octets))
    true(len(box("bob").mails) in (2, 3), "mails")


@test()
def a_killed_keeper_costs_one_delivery_at_most(w):
    """Its owner may kill it; the lock that stays is broken at once."""
    lda = prepare(w, "bob")
    ok(w.run(user="bob", program=lda, env=LOCAL, stdin=Letter().octets))
    tracer, main, keeper = hold_the_middle(w, lda)
    os.kill(keeper, signal.SIGKILL)
    tracer.wait(timeout=20)
    true(tracer.returncode in (0, 75), "status %d" % tracer.returncode)
    began = time.monotonic()
    ok(w.run(user="bob", program=lda, env=LOCAL, stdin=Letter().octets))
    true(time.monotonic() - began < 1.5, "the lock was waited for")
    same(len(box("bob").mails), 3 if tracer.returncode == 0 else 2, "mails")
    tidy("bob")


@test()
def the_keeper_outlives_signals(w):
    lda = prepare(w, "bob")
    process, keeper = started(w, program=lda)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT,
                   signal.SIGPIPE, signal.SIGALRM, signal.SIGUSR1,
                   signal.SIGUSR2, signal.SIGQUIT, signal.SIGXCPU,
                   signal.SIGXFSZ, signal.SIGVTALRM, signal.SIGPROF):
        same(as_user(5001, lambda n=number: os.kill(keeper, n)), 0, "kill")
        time.sleep(0.005)
        status = world.status_of(keeper)
        true(status and not status["State"].startswith("Z"),
             "%s has ended the keeper" % number.name)
    process.communicate(Letter().octets, timeout=20)
    same(process.returncode, 0, "exit status")
    true(world.gone(keeper), "the keeper lives on")
    box("bob", 1)
    tidy("bob")


def reach_into(pid):
    """How far the owner of a process gets into it: 0, or what he could."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, pid, None, None) == 0:       # PTRACE_ATTACH
        return 1
    for name in ("mem", "environ", "fd/3", "root", "cwd/x"):
        try:
            os.close(os.open("/proc/%d/%s" % (pid, name), os.O_RDWR if
                             name == "mem" else os.O_RDONLY))
            return 2
        except OSError:
            pass
    try:
        os.listdir("/proc/%d/fd" % pid)
        return 3
    except OSError:
        return 0


@test()
def the_user_cannot_get_into_the_process_that_has_the_group(w):
    lda = prepare(w, "bob")
    for program in (lda, RELAY):
        process, keeper = started(w, program=program)
        same(as_user(5001, lambda: reach_into(keeper)), 0,
             "ptrace (1), /proc/PID files (2), fd (3)")
        process.communicate(Letter().octets, timeout=20)
    process = w.spawn("-d", "bob")
    wait_until_it_reads(process.pid)
    for keeper in children_of(process.pid):
        same(as_user(5001, lambda: reach_into(keeper)), 0,
             "the keeper of a start by root")
    process.communicate(Letter().octets, timeout=20)
    same(process.returncode, 0, "exit status")


@test()
def stdout_is_not_held_by_the_keeper(w):
    lda = prepare(w, "bob")
    process, keeper = started(w, program=lda)
    os.kill(keeper, signal.SIGSTOP)
    process.kill()
    began = time.monotonic()
    same(process.stdout.read(), b"", "output")
    true(time.monotonic() - began < 2, "somebody keeps stdout open")
    os.kill(keeper, signal.SIGCONT)
    true(world.gone(keeper), "the keeper lives on")
    tidy()


@test()
def closed_descriptors_and_low_limits_with_the_group(w):
    """Every subset of 0-2 closed, few descriptors, no processes: never a
    mailbox as stdout, never a lock left."""
    lda = prepare(w, "bob")
    sent = 0
    for closed in range(8):
        redirect = "".join(" %d>&-" % fd for fd in range(3)
                           if closed & (1 << fd))
        done = subprocess.run(
            ["/bin/sh", "-c", "exec %s%s" % (lda, redirect)],
            input=Letter().octets, capture_output=True, env=LOCAL,
            user=5001, group=5001, extra_groups=[], timeout=20)
        true(done.returncode in (0, 75), "closed %d: %d" % (
            closed, done.returncode))
        sent += done.returncode == 0
        tidy(*(["bob"] if os.path.exists(SPOOL + "/bob") else []))
    true(sent >= 4, "only %d delivered" % sent)
    for limit in ("nofile=3", "nofile=4", "nofile=5", "nofile=7", "nproc=1",
                  "fsize=0", "as=1000000", "stack=10000", "cpu=1"):
        done = subprocess.run(
            ["/usr/bin/prlimit", "--" + limit, "--", lda],
            input=Letter().octets, capture_output=True, env=LOCAL,
            user=5001, group=5001, extra_groups=[], timeout=20)
        true(done.returncode in (0, 75) or done.returncode < 0,
             "%s: %d %r" % (limit, done.returncode, done.stdout))
        sent += done.returncode == 0
        time.sleep(0.01)
        tidy("bob")
    same(len(box("bob").mails), sent, "mails")


# Held locks.

@test()
def locks_of_others_defer_in_time_and_change_nothing(w):
    lda = prepare(w, "bob")
    ok(w.run(user="bob", program=lda, env=LOCAL, stdin=Letter().octets))
    before = read(SPOOL + "/bob")
    for lock in (b"%d:%s" % (os.getpid(), socket.gethostname().encode()),
                 b"", b"77:elsewhere.invalid"):
        write(SPOOL + "/bob.lock", lock)
        began = time.monotonic()
        run = w.run("-o", "mbox_lock_timeout=1s", user="bob", program=lda,
                    env=LOCAL, stdin=Letter().octets)
        refused(run, 75, "4.2.0")
        has(run.log, r"/var/mail/bob\.lock", "owner uid 0")
        true(time.monotonic() - began < 2.5, "not in time")
        same(read(SPOOL + "/bob"), before, "the mailbox")
        same(read(SPOOL + "/bob.lock"), lock, "the lock")
        tidy("bob", "bob.lock")


@test()
def a_lock_of_a_crash_is_broken_by_the_keeper(w):
    lda = prepare(w, "bob")
    dead = subprocess.Popen(["/bin/true"])
    dead.wait()
    write(SPOOL + "/bob.lock", "%d:%s" % (dead.pid, socket.gethostname()))
    began = time.monotonic()
    ok(w.run(user="bob", program=lda, env=LOCAL, stdin=Letter().octets))
    true(time.monotonic() - began < 1.5, "the lock was waited for")
    tidy("bob")


# Trouble while the mailbox is written.

ON_BOX = ["-P", SPOOL + "/bob"]


def facts_of_box():
    entry = os.stat(SPOOL + "/bob")
    return entry.st_size, entry.st_mtime_ns, entry.st_atime_ns, entry.st_ino


@test()
def what_fails_while_it_is_written_is_undone(w):
    """Every call on the mailbox in turn; also the first error of fsync, after
    which a second one may lie."""
    lda = prepare(w, "bob")
    ok(w.run(user="bob", program=lda, env=LOCAL, stdin=Letter().octets))
    os.utime(SPOOL + "/bob", (1000000000, 1000000001))
    before, facts = read(SPOOL + "/bob"), facts_of_box()
    for call, errors, most in (("write", ("ENOSPC", "EIO", "EDQUOT"), 5),
                               ("fsync", ("EIO", "ENOSPC"), 1)):
        for error in errors:
            for when in range(1, most + 1):
                status, out, calls = spool.strace(
                    w, lda, env=LOCAL, stdin=Letter(b"x\n" * 150000).octets,
                    options=ON_BOX + ["-e", "inject=%s:error=%s:when=%d" % (
                        call, error, when)])
                after = "%s %d fails with %s: %r" % (call, when, error, out)
                true(any("INJECTED" in c.rest for c in calls), after)
                same(status, 75, "status, " + after)
                reply_is_public(out.decode())
                same(read(SPOOL + "/bob"), before, "mailbox, " + after)
                # Reading it here has changed nothing but the access time.
                same(facts_of_box()[:2], facts[:2], "size, mtime, " + after)
                tidy("bob")
    status, _, _ = spool.strace(
        w, lda, env=LOCAL, stdin=Letter().octets,
        options=ON_BOX + ["-e", "inject=utimensat:error=EPERM"])
    same(status, 0, "status where times cannot be set")
    box("bob", 2)


@test()
def killed_while_it_writes_the_next_mail_is_whole(w):
    lda = prepare(w, "bob")
    for when in range(1, 6):
        spool.empty(SPOOL)
        first, letter = Letter(), Letter()
        ok(w.run(user="bob", program=lda, env=LOCAL, stdin=first.octets))
        before = read(SPOOL + "/bob")
        spool.strace(w, lda, env=LOCAL, stdin=Letter(b"x\n" * 150000).octets,
                     options=ON_BOX + [
                         "-e", "inject=write:signal=KILL:when=%d" % when])
        same(read(SPOOL + "/bob")[:len(before)], before, "what was there")
        ok(w.run(user="bob", program=lda, env=LOCAL, stdin=letter.octets))
        found = spool.Box(read(SPOOL + "/bob"))
        same(found.mails[0], first.octets, "the first mail")
        same(found.mails[-1], letter.octets, "the last mail")
        tidy("bob")


# What it costs.

def cost(calls):
    """Octets read and written, and calls."""
    octets = {"read": 0, "write": 0}
    for call in calls:
        name = {"readv": "read", "pread64": "read", "writev": "write",
                "pwrite64": "write"}.get(call.name, call.name)
        if name in octets and call.result and call.result.isdigit():
            octets[name] += int(call.result)
    return octets["read"], octets["write"], len(calls)


@test()
def an_append_costs_the_same_whatever_the_size(w):
    lda = prepare(w, "bob")
    letter, costs = Letter(), []
    for size in (0, 1000, 1 << 30, 1 << 34):
        path = SPOOL + "/bob"
        write(path, b"")
        os.chown(path, 5001, MAIL)
        os.chmod(path, 0o600)
        if size:
            with open(path, "r+b") as f:
                f.write(b"From x@y  Thu Jan  1 00:00:00 1970\n")
                f.seek(size - 2)
                f.write(b"\n\n")
        status, _, calls = spool.strace(w, lda, env=LOCAL,
                                        stdin=letter.octets)
        same(status, 0, "exit status")
        true(os.stat(path).st_size > size, "nothing was appended")
        costs.append(cost(calls))
    os.unlink(SPOOL + "/bob")
    for reads, writes, calls in costs:
        true(reads - costs[0][0] in range(-40, 41)
             and writes - costs[0][1] in range(-40, 41)
             and abs(calls - costs[0][2]) <= 6,
             "octets read, written, and calls: %s" % costs)
