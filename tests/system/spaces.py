"""spaces.py - runs a program again inside name spaces of its own.

What is mounted there, the processes and the loop devices end with it, also
when it is interrupted or killed: nothing of a run is left on the host but what
it has written into its build directory.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

import world


def why_not():
    """Why this cannot be done here, or None."""
    if os.geteuid() != 0:
        return "only root can mount, start Postfix and change uid"
    if not shutil.which("unshare"):
        return "no unshare(1) (package util-linux)"
    if world.spaces_we_get() is None:
        return "the kernel grants no mount name space"
    return None


def enter(script, name, arguments):
    """Runs script with "--inside DIRECTORY" before the arguments; its exit
    status.  The directory only holds the mount point of what goes away by
    itself.  The caller has asked why_not."""
    flags = world.spaces_we_get()
    scratch = tempfile.mkdtemp(prefix="lda-%s." % name)
    os.chmod(scratch, 0o755)
    environment = dict(os.environ)
    for space in ("net", "uts"):
        environment["LDA_HOST_" + space.upper()] = os.readlink(
            "/proc/self/ns/" + space)
    inside = None
    try:
        inside = subprocess.Popen(
            ["unshare", *flags, "--", sys.executable,
             os.path.abspath(script), "--inside", scratch, *arguments],
            env=environment)

        def end(*_):
            # With a process space, unshare(1) takes all of it with it; it
            # does not listen to SIGTERM itself.
            inside.send_signal(signal.SIGKILL if "--kill-child" in flags
                               else signal.SIGTERM)
        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGHUP, end)
        while True:
            try:
                status = inside.wait()
                return status if status >= 0 else 1
            except KeyboardInterrupt:
                continue    # the terminal has told the one inside as well
    finally:
        if inside and inside.poll() is None:
            inside.kill()
            inside.wait()
        os.rmdir(scratch)


def reap():
    """The first process of a process space inherits every orphan, and those
    of Postfix are many; it does nothing but to bury them.  The rest is its
    child's.  Returns in the child only."""
    if os.getpid() != 1:
        return
    child = os.fork()
    if child == 0:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0x7f)


def main(script, name, what, inside):
    """For the parts of "make proof": enters, and calls inside(scratch, words)
    there; the exit status."""
    words = sys.argv[1:]
    if words[:1] != ["--inside"]:
        why = why_not()
        if why:
            print("skip: %s: %s" % (what, why))
            return 77
        return enter(script, name, words)
    reap()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        return inside(words[1], words[2:])
    except KeyboardInterrupt:
        return 1
    except world.CannotBuild as reason:
        print("%s: the private world does not come up: %s" % (name, reason))
        return 1
