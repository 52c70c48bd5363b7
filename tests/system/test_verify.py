"""test_verify.py - Postfix asks lda-verify who exists, wired as
packaging/postfix says.
"""

import os
import shutil
import signal
import subprocess

from cases import has, same, test, true
from wiring import Wiring, sent, users
from world import read, write



def unknown(reply):
    has(reply, r"^550 5\.1\.1 .*User unknown in virtual mailbox table")


@test()
def smtpd_refuses_unknown_recipients(world):
    users("bob@example.com::::::")
    with Wiring(world, "virtual-lmtp") as wired:
        for name in ("bob@example.com", "BOB@example.com",
                     "bob+work@EXAMPLE.com"):
            has(wired.rcpt(name), r"^250 ")
        for name in ("nobody@example.com", "bo@example.com",
                     "bob-work@example.com", "../bob@example.com"):
            unknown(wired.rcpt(name))


@test()
def pipe_delivery_gets_what_it_never_had(world):
    users("bob@example.com::::::")
    shutil.rmtree("/srv/mail/example.com/bob", ignore_errors=True)
    with Wiring(world, "virtual-pipe") as wired:
        unknown(wired.rcpt("nobody@example.com"))
        sent(wired.deliver("a@sender.invalid", "bob@example.com",
                           b"Subject: x\n\n")[1])


@test()
def what_cannot_be_found_out_is_451(world):
    users("bob@example.com::::::")
    with Wiring(world, "virtual-lmtp") as wired:
        os.unlink("/etc/lda.users")
        has(wired.rcpt("bob@example.com"), r"^451 4\.3\.0 ")
        has(wired.rcpt("nobody@example.com"), r"^451 4\.3\.0 ")
        write("/etc/lda.conf", "userdb = no-such-source\n")
        has(wired.rcpt("bob@example.com"), r"^451 ")
        users("bob@example.com::::::")
        write("/etc/lda.conf", "userdb = passwd-file:/etc/lda.users\n")
        has(wired.rcpt("bob@example.com"), r"^250 ")


@test()
def static_users_all_exist(world):
    with Wiring(world, "virtual-lmtp", conf="userdb = static\n") as wired:
        has(wired.rcpt("whoever@example.com"), r"^250 ")
        said = world.run("-t", "whoever@example.com",
                         program="/usr/local/sbin/lda-verify")
        has(said.out.decode(), "rcpt: OK whoever@example.com",
            "finds everybody")


@test()
def postmap_asks_for_one_and_for_thousands(world):
    users(*["u%d@example.com::::::" % n for n in range(0, 4000, 2)])
    with Wiring(world, "virtual-lmtp") as wired:
        # Not a daemon, so the path is not below the queue directory.
        table = "socketmap:unix:%s/spool/private/lda-verify:" % wired.top
        same(wired.postmap("u4@example.com", table + "rcpt"),
             (0, "u4@example.com", ""), "one who exists")
        same(wired.postmap("u5@example.com", table + "rcpt")[0], 1,
             "one who does not")
        keys = "".join("u%d@example.com\n" % n for n in range(4000))
        done = subprocess.run(
            ["/usr/sbin/postmap", "-c", wired.etc, "-q", "-", table + "rcpt"],
            input=keys, capture_output=True, text=True, timeout=120)
        same(done.stderr, "", "errors")
        same(len(done.stdout.splitlines()), 2000, "answers")
        has(wired.postmap("u4@example.com", table + "nomap")[2],
            "no such map")


@test()
def full_mailboxes_are_refused_at_rcpt(world):
    users("bob@example.com::::::",
          "eve@example.com:::::::userdb_quota_rule=*:bytes=1000")
    home = world.make_home("eve@example.com")
    shutil.rmtree(home + "/Maildir", ignore_errors=True)
    for sub in ("", "cur", "new", "tmp"):
        os.makedirs(home + "/Maildir/" + sub)
    write(home + "/Maildir/maildirsize", "1000S\n2000 1\n")
    subprocess.run(["chown", "-R", "vmail:", home], check=True)
    with Wiring(world, "virtual-lmtp", "over-quota") as wired:
        has(wired.rcpt("bob@example.com"), r"^250 ")
        has(wired.rcpt("eve@example.com"), r"^452 4\.2\.2 .*mailbox is full")
        unknown(wired.rcpt("nobody@example.com"))
    with Wiring(world, "virtual-lmtp", "over-quota",
                conf="quota_full_tempfail = no\n") as wired:
        has(wired.rcpt("eve@example.com"), r"^552 5\.2\.2 ")


@test()
def a_server_that_dies_is_asked_again(world):
    """smtpd keeps its connection; when the process at its end is killed, it
    connects once more by itself."""
    users("bob@example.com::::::")
    with Wiring(world, "virtual-lmtp") as wired:
        with wired_smtp(wired) as smtp:
            for _ in range(3):
                has(rcpt(smtp, "bob@example.com"), "^250 ")
                has(rcpt(smtp, "nobody@example.com"), "^550 ")
                pids = verifiers()
                true(pids, "no lda-verify is running: no test")
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)


def wired_smtp(wired):
    import smtplib
    smtp = smtplib.SMTP("127.0.0.1", wired.port, timeout=60)
    smtp.ehlo("client.invalid")
    smtp.docmd("MAIL FROM:<a@sender.invalid>")
    return smtp


def rcpt(smtp, name):
    code, text = smtp.docmd("RCPT TO:<%s>" % name)
    return "%d %s" % (code, text.decode())


def verifiers():
    found = []
    ours = os.readlink("/proc/self/ns/mnt")
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            if (read("/proc/%s/comm" % pid).strip() == b"lda-verify"
                    and os.readlink("/proc/%s/ns/mnt" % pid) == ours):
                found.append(int(pid))
        except OSError:
            pass
    return found
