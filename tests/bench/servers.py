"""servers.py - what stands behind a connection or a queue: LMTP servers fed by
lmtp_load.c, and a whole Postfix fed by smtp-source(1)."""

import os
import shutil
import statistics
import subprocess
import time

import postfix as private_postfix
import single
import world
from stage import DOMAIN, UID, exists

LMTP = "/usr/local/sbin/lda-lmtp"
SMTP_SOURCE = "/usr/sbin/smtp-source"

# Through Postfix in one round, of a quick and of a deep run.
MESSAGES = {False: 300, True: 1000}

# connections, recipients of each message, messages of a quick and a deep run.
LOADS = [(1, 1, 200, 2000), (4, 1, 400, 4000), (1, 10, 40, 400),
         (4, 10, 80, 800), (1, 50, 10, 100)]


class Server:
    """An LMTP server and the mailboxes of its 50 recipients."""

    def __init__(self, stage, name, word, place, address):
        self.name = name
        self.address = address
        self.homes = [place.home("%s%d" % (word, i)) for i in range(50)]
        self.recipient = "%s%%d@%s" % (word, DOMAIN)
        for i, home in enumerate(self.homes):
            stage.add_user("%s%d" % (word, i), home)

    def mails(self):
        return sum(len(os.listdir(os.path.join(home, "Maildir", part)))
                   for home in self.homes for part in ("new", "cur"))

    def empty(self):
        for home in self.homes:
            for part in ("new", "cur"):
                where = os.path.join(home, "Maildir", part)
                for name in os.listdir(where):
                    os.unlink(os.path.join(where, name))


def as_vmail(*command):
    return ["setpriv", "--reuid", str(UID), "--regid", str(UID),
            "--clear-groups", *command]


def own_directory(stage, name):
    path = stage.path(name)
    os.mkdir(path)
    os.chown(path, UID, UID)
    return path


def start_servers(stage, place):
    """Those that can be had here, with fresh mailboxes in place."""
    stage.forget_users()
    place.clear()
    made = []
    if exists(LMTP):
        conf = single.settings(
            stage, "lda-lmtp-" + place.name,
            "mail_location = maildir:~/Maildir")
        path = own_directory(stage, "sockets-" + place.name) + "/spawn"
        stage.help_with(*as_vmail(stage.path("spawn"), path, LMTP, "-c",
                                  conf))
        made.append(Server(stage, "lda-lmtp, spawn(8)", "spawned", place,
                           "unix:" + path))
        path = os.path.join(os.path.dirname(path), "own")
        stage.help_with(*as_vmail(LMTP, "-c", conf, "-l", "unix:" + path))
        made.append(Server(stage, "lda-lmtp, own socket", "own", place,
                           "unix:" + path))
    else:
        single.missing(stage, "lda-lmtp")
    if exists("/usr/lib/dovecot/lmtp") and stage.start_dovecot():
        made.append(Server(
            stage, "Dovecot LMTP", "dovecot", place, "unix:" + os.path.join(
                os.path.dirname(stage.dovecot), "base/lmtp")))
    else:
        single.missing(stage, "Dovecot LMTP")
    for server in made:
        stage.wait_for(server.address[5:])
    stage.settle()
    return made


def load(stage, server, connections, messages, recipients, octets):
    """Messages a second; None where it does not deliver."""
    server.empty()
    done = subprocess.run(
        [stage.path("lmtp_load"), "-c", str(connections), "-n",
         str(messages), "-r", str(recipients), server.address,
         stage.message(octets), server.recipient],
        capture_output=True, text=True)
    words = done.stdout.split()
    if done.returncode != 0 or words[2] != "0" \
            or server.mails() != messages * recipients:
        stage.results.note("skipped: %s does not deliver (%s%s)" % (
            server.name, done.stdout, done.stderr.strip()))
        return None
    return float(words[4])


def syncs_of(stage, server, processes, recipients):
    """Sync calls of one message to so many; the second on its connection,
    so that nothing of a start is counted."""
    trace = stage.path("syncs")
    counted = []
    for messages in (1, 3):
        with subprocess.Popen(
                ["strace", "-f", "-qq", "-o", trace, "-e",
                 "trace=fsync,fdatasync,sync_file_range,msync,syncfs",
                 *(word for pid in processes for word in ("-p", str(pid)))],
                stderr=subprocess.DEVNULL) as watcher:
            time.sleep(0.3)
            load(stage, server, 1, messages, recipients, 4 << 10)
            time.sleep(0.2)
            watcher.terminate()
        with open(trace) as f:
            counted.append(sum("sync" in line and "resumed" not in line
                               for line in f))
    return (counted[1] - counted[0]) / 2


def tree_of(command):
    """The processes with this in their command line, and their children."""
    found, parents = set(), {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = world.read("/proc/%s/cmdline" % pid).decode()
            parents[int(pid)] = world.status_of(int(pid))["PPid"]
        except (OSError, TypeError):
            continue
        if command in line and "setpriv" not in line:
            found.add(int(pid))
    return found | {pid for pid, parent in parents.items()
                    if int(parent) in found}


def lmtp(stage):
    for place in (stage.memory, stage.disk):
        servers = start_servers(stage, place)
        if not servers:
            return
        rows = []
        for connections, recipients, quick, deep in LOADS:
            messages = deep if stage.deep else quick
            if place is stage.disk:
                messages = max(messages // 4, 4)
            rates = {server: [] for server in servers}
            for _ in range(5):
                for server in list(servers):
                    rate = load(stage, server, connections, messages,
                                recipients, 4 << 10)
                    if rate is None:
                        servers.remove(server)
                        del rates[server]
                    else:
                        rates[server].append(rate)
            medians = [(s, statistics.median(r)) for s, r in rates.items()]
            base = next((m for s, m in medians if "Dovecot" in s.name), None)
            for server, median in medians:
                rows.append([server.name, connections, recipients,
                             "%.0f" % median,
                             "%.0f" % (median * recipients),
                             single.ratio(median, base)])
        stage.results.table(
            "LMTP, 4 KB into Maildirs on %s (median of five)" % place.name,
            ["server", "connections", "recipients", "messages/s",
             "deliveries/s", "x Dovecot"], rows)
        if place is stage.memory:
            judge_lmtp(stage, rows)
        if place is stage.disk and shutil.which("strace"):
            show_syncs(stage, servers)
        place.clear()


def judge_lmtp(stage, rows):
    stage.results.note("")
    for connections in (1, 4):
        reached = [row[-1] for row in rows if row[1] == connections
                   and row[2] == 1 and row[0] == "lda-lmtp, own socket"]
        stage.results.verdict(
            "lda-lmtp's messages/s to Dovecot's, %d cached connection%s" % (
                connections, "" if connections == 1 else "s"),
            float(reached[0]) if reached and reached[0] != "-" else None, 3,
            at_least=True)


def show_syncs(stage, servers):
    rows = []
    for server in servers:
        pids = tree_of("dovecot" if "Dovecot" in server.name
                       else server.address[5:])
        for recipients in (1, 10):
            rows.append([server.name, recipients, "%.1f" % syncs_of(
                stage, server, pids, recipients)])
    stage.results.table("LMTP, sync calls of one message",
                        ["server", "recipients", "syncs"], rows)


# Postfix.

class Postfix(private_postfix.Postfix):
    """The private one of the system tests, with one service for each way."""

    def __init__(self, private, services, top):
        self.services = services
        self.mail = top
        super().__init__(private)

    def _configure(self):
        names = [name for name, _, _ in self.services]
        main = private_postfix.MAIN_CF.format(
            top=self.top, daemons=private_postfix.DAEMONS,
            lda=self.world.lda,
            domains=" ".join(name + ".invalid" for name in names))
        main += "virtual_mailbox_base = %s\nvirtual_minimum_uid = 100\n" \
            "virtual_mailbox_limit = 0\nvirtual_uid_maps = static:%d\nvirtual_gid_maps = static:%d\n" \
            % (self.mail, UID, UID)
        master = private_postfix.MASTER_CF.format(port=self.port)
        for name, service, one_by_one in self.services:
            master += "%s unix - n n - 20 %s\n" % (name, service)
            if one_by_one:
                main += "%s_destination_recipient_limit = 1\n" % name
        world.write(os.path.join(self.etc, "main.cf"), main)
        world.write(os.path.join(self.etc, "master.cf"), master)
        world.write(os.path.join(self.etc, "transport"), "".join(
            "%s.invalid %s:\n" % (name, name) for name in names))
        world.write(os.path.join(self.etc, "aliases"), "")
        world.write(os.path.join(self.etc, "virtual"), "")


def services_of(stage):
    """name, command in master.cf, whether one recipient a delivery."""
    users = "userdb = passwd-file:%s" % stage.path("postfix-users")
    pipe = "pipe flags=DORXhu user=vmail null_sender= argv="
    flags = " -f ${sender} -a ${original_recipient} -d ${recipient}"
    conf = single.settings(stage, "postfix-lda", users,
                           "mail_location = maildir:~/Maildir",
                           "quota_rule = " + single.QUOTA)
    made = [("pipefloor", "%s%s %s ${recipient}" % (
        pipe, stage.path("floor-work"), conf), True),
        ("pipelda", "%s%s -c %s%s" % (pipe, stage.lda, conf, flags), True)]
    if exists(single.DOVECOT_LDA) and stage.start_dovecot():
        made.append(("pipedovecot", "%s%s -c %s%s" % (
            pipe, single.DOVECOT_LDA, stage.dovecot, flags), True))
    made.append(("virtualmail", "virtual -o virtual_mailbox_maps="
                 "static:virtualmail/Maildir/", False))
    if exists(LMTP):
        path = own_directory(stage, "sockets-postfix") + "/lmtp"
        stage.help_with(*as_vmail(LMTP, "-c", conf, "-l", "unix:" + path))
        stage.wait_for(path)
        made.append(("lmtplda", "lmtp", False, path))
    if exists("/usr/lib/dovecot/lmtp") and stage.dovecot:
        made.append(("lmtpdovecot", "lmtp", False, os.path.join(
            os.path.dirname(stage.dovecot), "base/lmtp")))
    return made


def count(home):
    return sum(len(os.listdir(os.path.join(home, "Maildir", part)))
               for part in ("new", "cur"))


def send(stage, server, name, home, messages, seconds=20):
    """Mails a second from the first byte of SMTP to the last file."""
    for part in ("new", "cur"):
        where = os.path.join(home, "Maildir", part)
        for file in os.listdir(where):
            os.unlink(os.path.join(where, file))
    began = time.monotonic()
    feeder = subprocess.Popen(
        [SMTP_SOURCE, "-s", "4", "-m", str(messages), "-l", "4096", "-f",
         "alice@example.org", "-N", "-t", "%s@%s.invalid" % (name, name),
         "127.0.0.1:%d" % server.port], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while count(home) < messages:
            if time.monotonic() - began > seconds:
                return None
            time.sleep(0.005)
        return messages / (time.monotonic() - began)
    finally:
        feeder.wait()


def postfix(stage):
    if "postfix" in stage.world.machine.missing or not exists(SMTP_SOURCE):
        single.missing(stage, "Postfix with smtp-source")
        return
    stage.forget_users()
    stage.memory.clear()
    services = services_of(stage)
    homes, lines = {}, []
    for name, *_ in services:
        homes[name] = stage.memory.home(name)
        # Many names, one mailbox: what is limited for each user is not met.
        lines += ["%d%s@%s.invalid::%d:%d::%s::\n" % (
            i, name, name, UID, UID, homes[name])
            for i in range(MESSAGES[stage.deep] + 1)]
        world.write(os.path.join(homes[name], "Maildir/maildirsize"),
                    "1000000000S\n0 0\n", 0o600)
        os.chown(os.path.join(homes[name], "Maildir/maildirsize"), UID, UID)
    world.write(stage.users, "".join(lines))
    # What lda and the floor look through does not hold Dovecot's.
    world.write(stage.path("postfix-users"), "".join(
        line for line in lines if "dovecot" not in line))
    server = Postfix(stage.world, [row[:3] for row in services],
                     stage.memory.path)
    with open(os.path.join(server.etc, "transport"), "w") as f:
        for row in services:
            f.write("%s.invalid %s:%s\n" % (
                row[0], row[0], "unix:" + row[3] if len(row) > 3 else ""))
    server.start()
    stage.settle()
    try:
        compare(stage, server, [row[0] for row in services], homes)
    finally:
        server.stop()
        stage.memory.clear()


def compare(stage, server, names, homes):
    messages = MESSAGES[stage.deep]
    rates = {name: [] for name in names}
    for number in range(6):
        for name in list(rates):
            rate = send(stage, server, name, homes[name], messages)
            if rate is None:
                last = next((line.text for line in reversed(
                    stage.world.sink.lines) if name in line.raw
                    or "fatal" in line.text), "no line")
                stage.results.note("skipped: nothing comes by %s: %s" % (
                    name, last))
                del rates[name]
            elif number > 0:    # the first one starts Postfix's processes
                rates[name].append(rate)
    medians = {name: statistics.median(r) for name, r in rates.items()}
    titles = {"pipefloor": "pipe(8), floor-work", "pipelda": "pipe(8), lda",
              "pipedovecot": "pipe(8), dovecot-lda",
              "virtualmail": "virtual(8)", "lmtplda": "lmtp(8), lda-lmtp",
              "lmtpdovecot": "lmtp(8), Dovecot"}
    stage.results.table(
        "Through Postfix, 4 KB into a Maildir on tmpfs (median of five)",
        ["by", "mails/s", "x floor-work", "x virtual(8)"],
        [[titles[name], "%.0f" % median,
          single.ratio(median, medians.get("pipefloor")),
          single.ratio(median, medians.get("virtualmail"))]
         for name, median in medians.items()])
    stage.results.note("")
    for what, name, base, target in (
            ("pipe(8), lda's mails/s to floor-work's", "pipelda",
             "pipefloor", 0.9),
            ("lmtp(8) with lda-lmtp, mails/s to virtual(8)'s", "lmtplda",
             "virtualmail", 1)):
        stage.results.verdict(
            what, medians[name] / medians[base]
            if name in medians and medians.get(base) else None, target,
            at_least=True)
