"""test_root.py - lda started by hand: as root, as the user, and under trouble
that is made more exactly without Postfix."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import time

import fuse
import world
from cases import Skip, has, lacks, reply_is_public, same, test, true
from letters import Letter, no_mail, only_mail
from world import mails, read, write


def refused(run, status, dsn):
    """An outcome of the one table: status, and one line to Postfix."""
    same(run.status, status, "exit status, with " + str(run))
    true(run.reply.startswith(dsn), "reply, with " + str(run))
    same(run.err, b"", "stderr")
    reply_is_public(run.reply)
    has(run.log, "exit=%d" % status, 'reply="%s' % dsn.replace(".", r"\."))


def ok(run):
    same(run.status, 0, "exit status, with " + str(run))
    same(run.out + run.err, b"", "output on success")


# Root.

@test()
def root_becomes_the_user_before_it_reads_a_mail(w):
    home = w.fresh_home("alice")
    letter = Letter()
    process = w.spawn("-d", "alice")
    until = time.monotonic() + 10
    # It waits for the first octet of mail: by then it is somebody else.
    while time.monotonic() < until:
        with open("/proc/%d/syscall" % process.pid) as f:
            call = f.read().split()
        status = world.status_of(process.pid)
        if (status["State"][0] == "S" and len(call) > 1 and
                call[1] in ("0x0", "0") and "5002" in status["Uid"]):
            break
        time.sleep(0.01)
    status = world.status_of(process.pid)
    same(status["Uid"].split(), ["5002"] * 4, "Uid")
    same(status["Gid"].split(), ["5002"] * 4, "Gid")
    true(set(status["Groups"].split()) <= {"5002", "5050"},
         "Groups: " + status["Groups"])
    for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        same(int(status[name], 16), 0, name)
    out, err = process.communicate(letter.octets, timeout=10)
    same((process.returncode, out, err), (0, b"", b""), "end")
    path, content = only_mail(home + "/Maildir")
    same(content, letter.octets, "the letter")
    entry = os.stat(path)
    same((entry.st_uid, entry.st_gid, entry.st_mode & 0o777),
         (5002, 5002, 0o600), "owner, group and mode")


@test()
def root_makes_a_Maildir_as_the_user(w):
    home = w.fresh_home("alice", maildir=False)
    ok(w.run("-d", "alice", stdin=Letter().octets, umask=0))
    for where, names, files in os.walk(home):
        for name in names + files:
            entry = os.lstat(os.path.join(where, name))
            same((entry.st_uid, entry.st_gid, entry.st_mode & 0o77),
                 (5002, 5002, 0), "owner, group, mode of " + name)
    only_mail(home + "/Maildir")


@test()
def root_needs_d(w):
    run = w.run(stdin=Letter().octets)
    refused(run, 75, "4.3.5")
    has(run.log, "-d")
    # HOME and USER are not believed as root.
    run = w.run(stdin=Letter().octets, env={"USER": "alice",
                                            "HOME": "/home/alice"})
    same(run.status, 75, str(run))


@test()
def root_is_no_recipient(w):
    before = os.listdir("/root")
    run = w.run("-d", "root", stdin=Letter().octets)
    same(run.status, 75, str(run))
    true(run.reply.startswith("4."), str(run))
    reply_is_public(run.reply)
    has(run.log, "root", "exit=75")
    same(os.listdir("/root"), before, "/root")
    # Nor by another name.
    write("/etc/lda/users", "toor@x.invalid::0:0::/root::\n"
          "wheel@x.invalid::5001:0::/home/bob::\n")
    for name in ("toor@x.invalid", "wheel@x.invalid"):
        run = w.run("-d", name, stdin=Letter().octets)
        same(run.status, 75, str(run))
    same(os.listdir("/root"), before, "/root")


@test()
def a_uid_below_first_valid_uid_is_refused(w):
    w.fresh_home("low")
    run = w.run("-d", "low", stdin=Letter().octets)
    same(run.status, 75, str(run))
    has(run.log, "first_valid_uid", "499")
    no_mail("/home/low/Maildir")


@test()
def root_with_an_unknown_user(w):
    w.users_file("alice@x.invalid")
    run = w.run("-d", "nobody-here", stdin=Letter().octets)
    refused(run, 67, "5.1.1")


@test()
def root_with_a_virtual_user(w):
    name = "alice@x.invalid"
    w.users_file(name)
    letter = Letter()
    ok(w.run("-d", name, stdin=letter.octets))
    path, content = only_mail(w.home_of(name) + "/Maildir")
    same(content, letter.octets, "the letter")
    same(os.stat(path).st_uid, 5000, "owner")


@test("sudo")
def by_sudo(w):
    home = w.fresh_home("alice")
    ok(w.run("-n", w.lda, "-d", "alice", program="/usr/bin/sudo",
             stdin=Letter().octets))
    path, _ = only_mail(home + "/Maildir")
    same(os.stat(path).st_uid, 5002, "owner")


@test()
def root_follows_no_link_below_the_mail_root(w):
    home = w.fresh_home("eve")
    before = sorted(os.listdir("/etc"))
    for sub in ("new", "tmp", "cur"):
        shutil.rmtree(home + "/Maildir/" + sub)
        os.symlink("/etc", home + "/Maildir/" + sub)
        run = w.run("-d", "eve", stdin=Letter().octets)
        if sub == "cur":
            true(run.status in (0, 75), str(run))
        else:
            same(run.status, 75, "with %s: %s" % (sub, run))
            reply_is_public(run.reply)
        os.unlink(home + "/Maildir/" + sub)
        same(sorted(os.listdir("/etc")), before, "/etc")
    # The way to the root is the user's: a link there is followed as the user.
    shutil.rmtree(home + "/Maildir")
    os.symlink("/home/bob/Maildir", home + "/Maildir")
    w.fresh_home("bob")
    run = w.run("-d", "eve", stdin=Letter().octets)
    refused(run, 75, "4.2.1")
    no_mail("/home/bob/Maildir")
    os.unlink(home + "/Maildir")
    os.mkdir(home + "/elsewhere", 0o700)
    os.chown(home + "/elsewhere", 5003, 5003)
    os.symlink("elsewhere", home + "/Maildir")
    ok(w.run("-d", "eve", stdin=Letter().octets))
    only_mail(home + "/elsewhere")


# Names that are not in /etc/passwd.

NINA = ('{"userName":"nina","uid":5007,"gid":5007,"disposition":"regular",'
        '"homeDirectory":"/home/nina"}\n')
HELPER = "/usr/local/libexec/lda/lda-getpw"


@test("postfix")
def a_user_of_another_name_service(w):
    """nss_systemd is the one that any Debian may have and that takes users
    from a file; lda is static and has to ask by its helper."""
    w.users_file("alice@x.invalid")
    good = read("/etc/nsswitch.conf")
    write("/etc/nsswitch.conf", good.replace(
        b"passwd: files\n", b"passwd: files systemd\n"))
    os.makedirs("/etc/userdb", exist_ok=True)
    write("/etc/userdb/nina.user", NINA)
    os.makedirs("/home/nina", 0o700, exist_ok=True)
    os.chown("/home/nina", 5007, 5007)
    try:
        if subprocess.run(["getent", "passwd", "nina"],
                          capture_output=True).returncode != 0:
            raise Skip("no nss_systemd that reads /etc/userdb "
                       "(package libnss-systemd)")
        ok(w.run("-d", "nina", stdin=Letter().octets))
        path, _ = only_mail("/home/nina/Maildir")
        same(os.stat(path).st_uid, 5007, "owner")
        shutil.rmtree("/home/nina/Maildir")
        _, result = w.postfix.deliver("sender@letters.invalid",
                                      "nina@noarg.invalid", Letter().octets)
        same(result.status, "sent", str(result))
        only_mail("/home/nina/Maildir")
        # systemd is one of the sources whose "not found" is believed.
        refused(w.run("-d", "nobody-here", stdin=Letter().octets), 67,
                "5.1.1")
    finally:
        write("/etc/nsswitch.conf", good)
        os.unlink("/etc/userdb/nina.user")


def instead_of_helper(w, content, mode, status, dsn, *arguments):
    """Runs lda for a name that only the helper can know."""
    w.users_file("alice@x.invalid")
    good, names = read(HELPER), read("/etc/nsswitch.conf")
    write("/etc/nsswitch.conf", names.replace(
        b"passwd: files\n", b"passwd: files systemd\n"))
    if content is None:
        os.unlink(HELPER)
    else:
        write(HELPER, content, mode)
    try:
        refused(w.run("-d", "nobody-here", *arguments, stdin=Letter().octets,
                      seconds=10), status, dsn)
    finally:
        write(HELPER, good, 0o755)
        write("/etc/nsswitch.conf", names)


@test()
def a_helper_that_is_away_or_broken_defers(w):
    instead_of_helper(w, None, 0, 75, "4.4.3")
    instead_of_helper(w, "not a program", 0o755, 75, "4.4.3")
    instead_of_helper(w, "#!/bin/sh\nexit 67\n", 0o644, 75, "4.4.3")
    for end in ("exit 1", "exit 127", "exit 0", "echo nonsense", "kill -9 $$",
                "exit 75"):
        instead_of_helper(w, "#!/bin/sh\n%s\n" % end, 0o755, 75, "4.4.3")


@test()
def a_helper_that_hangs_is_given_up(w):
    instead_of_helper(w, "#!/bin/sh\nexec sleep 30\n", 0o755, 75, "4.",
                      "-o", "delivery_timeout=1s")


# The user, and vmail.

@test()
def a_user_by_hand(w):
    home = w.fresh_home("bob")
    letter = Letter()
    ok(w.run(user="bob", stdin=letter.octets,
             env={"USER": "bob", "HOME": home}))
    same(only_mail(home + "/Maildir")[1], letter.octets, "the letter")
    home = w.fresh_home("bob")
    ok(w.run(user="bob", stdin=letter.octets))
    same(only_mail(home + "/Maildir")[1], letter.octets, "without USER")
    home = w.fresh_home("bob")
    ok(w.run("-d", "bob", user="bob", stdin=letter.octets))
    same(only_mail(home + "/Maildir")[1], letter.octets, "with -d")


@test()
def a_user_cannot_deliver_to_another(w):
    w.fresh_home("bob")
    w.fresh_home("alice")
    for given in ({"args": ["-d", "alice"]}, {"env": {
            "USER": "alice", "HOME": "/home/bob"}}):
        run = w.run(*given.get("args", []), user="bob",
                    env=given.get("env"), stdin=Letter().octets)
        same(run.status, 75, str(run))
        reply_is_public(run.reply)
    no_mail("/home/alice/Maildir")
    no_mail("/home/bob/Maildir")


@test()
def the_input_is_taken_as_it_is(w):
    """CRLF and one leading From_ line apart."""
    home = w.fresh_home("bob")
    for given, want in (
            (b"x", b"x"), (b"\n", b"\n"),
            (b"a: b\r\n\r\nc\r\n", b"a: b\n\nc\n"),
            (b"From a@b Sat Mar  1 12:00:00 2025\nx: y\n\nFrom z\n",
             b"x: y\n\nFrom z\n"),
            (b">From a\nx\n", b">From a\nx\n"), (b"\r", b"\r"),
            (b"\0\r\r\n\xff", b"\0\r\n\xff"),
            (b"h: v\n" * 40000 + b"\n", b"h: v\n" * 40000 + b"\n"),
            (b"s: x\n\n" + b"y" * 3000000, b"s: x\n\n" + b"y" * 3000000)):
        ok(w.run("-d", "bob", user="bob", stdin=given))
        same(only_mail(home + "/Maildir")[1], want, "%r" % given[:40])
        home = w.fresh_home("bob")


@test()
def empty_input_is_a_broken_caller(w):
    home = w.fresh_home("bob")
    run = w.run("-d", "bob", user="bob", stdin=b"")
    same(run.status, 75, str(run))
    true(run.reply.startswith("4."), str(run))
    no_mail(home + "/Maildir")


@test()
def missing_descriptors_cost_no_mail(w):
    home = w.fresh_home("bob")
    letter = Letter()
    for closed in ((1, 2), (2,), (1,)):
        process = subprocess.run(
            ["/bin/sh", "-c", '"$@" ' + " ".join(
                "%d>&-" % fd for fd in closed), "sh", w.lda, "-d", "bob"],
            input=letter.octets, user=5001, group=5001, extra_groups=[],
            env={}, cwd="/", capture_output=True, timeout=30)
        same(process.returncode, 0, "closed %s" % (closed,))
        same(only_mail(home + "/Maildir")[1], letter.octets, "the letter")
        home = w.fresh_home("bob")
    process = subprocess.run(
        [w.lda, "-d", "bob"], user=5001, group=5001, extra_groups=[], env={},
        cwd="/", capture_output=True, timeout=30,
        preexec_fn=lambda: os.close(0))
    same(process.returncode, 75, "closed stdin, with %r" % process.stdout)
    no_mail(home + "/Maildir")


@test()
def n_t_and_V_by_hand_deliver_nothing(w):
    home = w.fresh_home("alice")
    for options, words in (
            (["-n"], ["mail_location = maildir:~/Maildir"]),
            (["-V"], [r"\d"]),
            (["-t", "-d", "alice"], ["/home/alice/Maildir", "5002", "passwd",
                                     r"/etc/lda\.conf"])):
        run = w.run(*options, stdin=Letter().octets)
        same(run.status, 0, str(run))
        has(run.reply, *words)
    no_mail(home + "/Maildir")


# Limits.

@test()
def a_mail_of_25_MB_costs_little_memory_and_is_written_once(w):
    home = w.fresh_home("alice")
    block = (b"0123456789abcdef" * 4)[:63] + b"\n"
    block = block * 1024
    rounds = 25 * 1024 * 1024 // len(block)
    process = w.spawn("-d", "alice")
    process.stdin.write(b"Subject: big\n\n")
    peak = 0
    for number in range(rounds):
        process.stdin.write(block)
        if number % 50 == 0:
            process.stdin.flush()
            peak = max(peak, high_water(process.pid))
    process.stdin.flush()
    peak = max(peak, high_water(process.pid))
    process.stdin.close()
    # The counts of the whole run are there until the process is reaped.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    counts = dict(line.split(": ") for line in
                  read("/proc/%d/io" % process.pid).decode().splitlines())
    process.wait()
    same(process.returncode, 0, "exit status")
    _, content = only_mail(home + "/Maildir")
    same(len(content), len(block) * rounds + 14, "size")
    true(peak < 4096, "VmHWM is %d kB" % peak)
    true(int(counts["wchar"]) < 1.05 * len(content),
         "%s octets written for %d" % (counts["wchar"], len(content)))


def high_water(pid):
    return int(world.status_of(pid)["VmHWM"].split()[0])


@test()
def a_caller_that_never_ends_its_mail(w):
    home = w.fresh_home("bob")
    mark = w.sink.mark()
    began = time.monotonic()
    process = w.spawn("-d", "bob", "-o", "delivery_timeout=1s", user="bob")
    process.stdin.write(Letter().octets)
    process.stdin.flush()
    status = process.wait(timeout=20)
    took = time.monotonic() - began
    same(status, 75, "exit status")
    true(0.9 < took < 5, "it took %.1f s" % took)
    true(process.stdout.read().startswith(b"4.3.0 "), "reply")
    has(w.sink.lda(mark), "delivery_timeout")
    no_mail(home + "/Maildir")


@test("fuse")
def a_home_that_hangs_is_given_up(w):
    with fuse.Hung("/srv/hung"):
        write("/etc/lda/hung.conf", HUNG)
        began = time.monotonic()
        run = w.run("-c", "/etc/lda/hung.conf", "-d", "a@hung.invalid",
                    "-o", "delivery_timeout=1s", user="vmail",
                    stdin=Letter().octets)
        took = time.monotonic() - began
    refused(run, 75, "4.3.0")
    has(run.log, "delivery_timeout")
    true(took < 5, "it took %.1f s" % took)


HUNG = ("userdb = static\nmail_uid = vmail\nmail_gid = vmail\n"
        "mail_home = /srv/hung/%n\nmail_location = maildir:~/Maildir\n")


def start_on_a_deaf_file_system(w):
    hung = fuse.Hung("/srv/deaf", deaf=True)
    hung.__enter__()
    write("/etc/lda/deaf.conf", HUNG.replace("hung", "deaf"))
    process = subprocess.Popen(
        [w.lda, "-c", "/etc/lda/deaf.conf", "-o", "delivery_timeout=1s",
         "-d", "a@deaf.invalid"], user=5000, group=5000, extra_groups=[],
        env={}, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    process.stdin.write(Letter().octets)
    process.stdin.close()
    return hung, process, time.monotonic()


@test("fuse", start=start_on_a_deaf_file_system)
def a_call_that_no_handler_ends_is_killed_at_the_hard_deadline(w, started):
    """Behind pipe(8) death by a signal defers; it comes 30 s after the soft
    deadline, long before Postfix would give up and bounce.

    A process that waits "killable" (NFS with "hard", FUSE) is woken by deadly
    signals only, and once a handled one is pending Linux does not look
    whether the next is deadly, SIGKILL apart (complete_signal, wants_signal
    in kernel/signal.c): alarm(2) after the soft deadline's signal is lost."""
    hung, process, began = started
    status = None
    try:
        status = process.wait(timeout=max(1, began + 40 - time.monotonic()))
        took = time.monotonic() - began
    except subprocess.TimeoutExpired:
        raise AssertionError("it is not killed in 40 s") from None
    finally:
        if status is None:
            process.kill()
            process.wait()
        hung.__exit__()
    true(status in (-signal.SIGALRM, -signal.SIGKILL),
         "exit status %d" % status)
    true(took > 20, "it was killed too early, after %.0f s" % took)


@test()
def a_low_limit_on_file_size_defers(w):
    home = w.fresh_home("bob")
    mark = w.sink.mark()

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    done = subprocess.run(
        [w.lda, "-d", "bob"], input=Letter(b"0123456\n" * 40000).octets,
        user=5001, group=5001, extra_groups=[], env={}, cwd="/",
        capture_output=True, preexec_fn=limit, timeout=30)
    same(done.returncode, 75, "exit status")
    true(done.stdout.startswith(b"4.2.2 "), "reply %r" % done.stdout)
    has(w.sink.lda(mark), "mailbox_size_limit", "20000")
    no_mail(home + "/Maildir")


@test()
def few_descriptors_or_little_memory_defer_or_kill(w):
    """Never 127, as a loader that fails would say, nor another status that
    Postfix takes for a reason to bounce."""
    home = w.fresh_home("bob")
    letter = Letter(b"0123456\n" * 40000)
    given = [(resource.RLIMIT_NOFILE, n) for n in range(3, 12)]
    given += [(resource.RLIMIT_AS, n << 10) for n in (
        64, 256, 512, 768, 900, 1024, 1200, 1500, 2000, 3000)]
    kept = 0
    for what, limit in given:
        try:
            done = subprocess.run(
                [w.lda, "-d", "bob"], input=letter.octets, user=5001,
                group=5001, extra_groups=[], env={}, cwd="/",
                capture_output=True, timeout=30,
                preexec_fn=lambda: resource.setrlimit(what, (limit, limit)))
        except (OSError, subprocess.SubprocessError):
            continue    # the kernel did not even start it
        true(done.returncode in (0, 75) or done.returncode < 0,
             "limit %d of %d: status %d, said %r" % (
                 what, limit, done.returncode, done.stdout))
        true(done.returncode == 0 or not done.stdout
             or done.stdout.startswith(b"4."), "said %r" % done.stdout)
        kept += done.returncode == 0
        same(len(mails(home + "/Maildir")), kept, "mails")
    true(kept > 0, "no limit was high enough")


# The log.

@test()
def a_log_that_is_gone_or_full_costs_no_mail(w):
    home = w.fresh_home("bob")
    path = w.path("full")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
        full.bind(path)
        os.chmod(path, 0o666)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                while True:
                    sender.sendto(b"x" * 1000, path)
            except BlockingIOError:
                pass
        for where in (path, "/no/such/log"):
            began = time.monotonic()
            ok(w.run("-d", "bob", "-o", "syslog_socket=" + where, user="bob",
                     stdin=Letter().octets))
            true(time.monotonic() - began < 2, "it waited for the log")
    same(len(mails(home + "/Maildir")), 2, "mails")
    os.unlink(path)


@test()
def control_characters_do_not_reach_the_log(w):
    w.fresh_home("bob")
    run = w.run("-d", "bob", "-f", "a\nb\x1b[0m@x", "-a", "c\td\r@y",
                user="bob", stdin=b"Message-Id: <a\x07b\x1bc>\n\nx\n")
    same(run.status, 0, str(run))
    lacks(run.log, "[\x00-\x09\x0b-\x1f\x7f]")
    same(len(run.log.splitlines()), 1, "lines")
