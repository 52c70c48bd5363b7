"""postfix.py - a private Postfix with one delivery service for each way in
which lda can be started.

Each service has a domain of its own, named after it: mail to
alice@drhu.invalid goes through the pipe(8) service "drhu", mail to
bob@noarg.invalid through the local(8) service "noarg", and so on.  One
configuration thus serves all tests, without a reload between them.

Nothing is retried before a test asks for it (minimal_backoff_time), so that
what one test leaves behind does not happen in the middle of another.
"""

import os
import pwd
import re
import signal
import smtplib
import subprocess

import world

DAEMONS = "/usr/lib/postfix/sbin"
USUAL = "-f ${sender} -a ${original_recipient} -d ${recipient}"

# name, flags, extra attributes, arguments after the name of the program.
PIPES = [
    ("drhu", "DRhu", "", USUAL),
    ("dorx", "DORXhu", "null_sender=", USUAL),
    ("from", "FDORXhu", "null_sender=", "-d ${recipient}"),
    ("ext", "DRhu", "",
     "-f ${sender} -d ${user}@${nexthop} -m ${extension}"),
    ("static", "DORXhu", "null_sender=", "-c /etc/lda/static.conf " + USUAL),
    ("many", "Rhu", "", USUAL),
    ("dashn", "DRhu", "", "-n " + USUAL),
    ("dasht", "DRhu", "", "-t " + USUAL),
    ("dashv", "DRhu", "", "-V " + USUAL),
    ("nod", "DORXhu", "null_sender=", "-f ${sender} -a ${recipient}"),
    ("bare", "DORXhu", "null_sender=", ""),
    ("own", "DORXhu", "null_sender=", "-c /etc/lda/own.conf " + USUAL),
    ("hung", "DORXhu", "null_sender=",
     "-c /etc/lda/hung.conf -o delivery_timeout=2s " + USUAL),
    ("old", "DORXhu", "null_sender=",
     "-o mail_plugins=quota -o plugin/quota=maildir:User -o log_path=/no/log "
     "-o mail_debug=yes -e -k -i lda " + USUAL),
]

# name, options for local(8), mailbox_command; LDA is the program.
LOCALS = [
    ("noarg", "", "LDA"),
    ("shell", "", 'LDA -f "$SENDER" -a "$RECIPIENT"'),
    ("folder", "", 'LDA -f "$SENDER" -a "$RECIPIENT" -m "$EXTENSION"'),
    ("limit", "-o mailbox_size_limit=100000 -o message_size_limit=100000",
     "LDA"),
    ("ulimit", "", 'ulimit -f 100; exec LDA -f "$SENDER" -a "$RECIPIENT"'),
    ("gone", "", "/usr/local/sbin/no-such-lda"),
    ("ldashn", "", "LDA -n"),
]

# A Postfix of its own, from which nothing leaves the machine.
PRIVATE_CF = """\
compatibility_level = 3.6
queue_directory = {top}/spool
data_directory = {top}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.invalid
mydestination = mx.invalid
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
disable_dns_lookups = yes
default_transport = error:5.7.1 nothing leaves this machine
relay_domains =
alias_database =
recipient_delimiter = +
message_size_limit = 60000000
mailbox_size_limit = 70000000
notify_classes =
biff = no
enable_long_queue_ids = yes
in_flow_delay = 0
cleanup_replace_stray_cr_lf = no
queue_run_delay = 300s
minimal_backoff_time = 300s
maximal_backoff_time = 600s
transport_retry_time = 1s
service_throttle_time = 1s
max_idle = 30s
"""

MAIN_CF = PRIVATE_CF + """\
smtpd_recipient_restrictions = permit_mynetworks, reject
smtp_host_lookup = native
relay_transport = $default_transport
local_recipient_maps =
local_header_rewrite_clients =
alias_maps = texthash:{top}/etc/aliases
virtual_alias_maps = texthash:{top}/etc/virtual
virtual_mailbox_domains = {domains}
virtual_mailbox_maps = static:OK
transport_maps = texthash:{top}/etc/transport
mailbox_command = {lda}
"""

MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


class Result:
    """What Postfix has written about one recipient of one message."""

    def __init__(self, line, found):
        self.line = line
        self.program = line.tag.rsplit("/", 1)[-1]
        self.relay = found["relay"]
        self.dsn = found["dsn"]
        self.status = found["status"]
        self.text = found["text"]

    def __str__(self):
        return "dsn=%s status=%s (%s)" % (self.dsn, self.status, self.text)


class Postfix:
    def __init__(self, private):
        self.world = private
        self.top = private.path("postfix")
        self.etc = os.path.join(self.top, "etc")
        self.port = 25 if private.private_net else world.free_port()
        self.queued = []
        for name in ("", "etc", "spool", "data"):
            os.mkdir(os.path.join(self.top, name), 0o755)
        entry = pwd.getpwnam("postfix")
        os.chown(os.path.join(self.top, "data"), entry.pw_uid, entry.pw_gid)
        self._configure()

    def _configure(self):
        names = [row[0] for row in PIPES + LOCALS] + ["missing"]
        main = MAIN_CF.format(
            top=self.top, daemons=DAEMONS, lda=self.world.lda,
            domains=" ".join(name + ".invalid" for name in names))
        master = MASTER_CF.format(port=self.port)
        for name, flags, more, arguments in PIPES:
            program = self.world.lda
            master += "%s unix - n n - 20 pipe flags=%s user=vmail %s argv=" \
                "%s %s\n" % (name, flags, more, program, arguments)
            if name != "many":
                main += "%s_destination_recipient_limit = 1\n" % name
        # The program that is not there, beside those that are.
        master += "missing unix - n n - 20 pipe flags=DRhu user=vmail " \
            "argv=/usr/local/sbin/no-such-lda %s\n" % USUAL
        main += "missing_destination_recipient_limit = 1\n"
        for name, options, command in LOCALS:
            command = command.replace("LDA", self.world.lda)
            master += "%s unix - n n - - local %s -o { mailbox_command = " \
                "%s }\n" % (name, options, command)
            main += "%s_destination_recipient_limit = 1\n" % name
        world.write(os.path.join(self.etc, "main.cf"), main)
        world.write(os.path.join(self.etc, "master.cf"), master)
        world.write(os.path.join(self.etc, "transport"), "".join(
            "%s.invalid %s:\n" % (name, name) for name in names))
        world.write(os.path.join(self.etc, "aliases"),
                    "o'neil bob\npostmaster bob\n")
        world.write(os.path.join(self.etc, "virtual"),
                    "info@dorx.invalid alice+sales@dorx.invalid\n")

    def command(self, *args, **how):
        return subprocess.run(
            [args[0], "-c", self.etc, *args[1:]], capture_output=True,
            text=True, stdin=subprocess.DEVNULL, **how)

    def start(self):
        mark = self.world.sink.mark()
        done = self.command("/usr/sbin/postfix", "start")
        started = self.world.sink.wait(
            lambda line: "daemon started" in line.text, mark, 20)
        if done.returncode != 0 or not started:
            raise world.CannotBuild(
                "Postfix does not start\n" + done.stderr + "\n".join(
                    line.text for line in self.world.sink.since(mark)))

    def stop(self):
        """Ends master(8), which takes its children with it."""
        try:
            pid = int(world.read(os.path.join(
                self.top, "spool/pid/master.pid")).strip())
        except (OSError, ValueError):
            return
        try:
            os.kill(pid, signal.SIGTERM)
            if not world.gone(pid):
                os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    # Mail in.

    def send(self, sender, recipients, message):
        """Sends message (octets with LF) by SMTP; its queue id."""
        if isinstance(recipients, str):
            recipients = [recipients]
        with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as smtp:
            smtp.ehlo("client.invalid")
            # Not smtplib's mail() and rcpt(): they take quotes away.
            words = [sender, *recipients]
            utf8 = "" if all(w.isascii() for w in words) else " SMTPUTF8"
            smtp.command_encoding = "utf-8"
            self._check(smtp.docmd("MAIL FROM:<%s>%s" % (sender, utf8)))
            for recipient in recipients:
                self._check(smtp.docmd("RCPT TO:<%s>" % recipient))
            code, text = smtp.data(message.replace(b"\n", b"\r\n"))
            self._check((code, text))
        queue_id = re.search(rb"queued as (\w+)", text)[1].decode()
        self.queued.append(queue_id)
        return queue_id

    @staticmethod
    def _check(answer):
        code, text = answer
        if code // 100 != 2:
            raise AssertionError("smtpd: %d %s" % (code, text.decode()))

    # What became of it.

    def result(self, queue_id, recipient=None, since=0, seconds=30):
        """Waits for the line about this message (and recipient)."""
        pattern = re.compile(
            re.escape(queue_id)
            + r": to=<(?P<to>[^>]*)>,(?: orig_to=<[^>]*>,)?"
            r" relay=(?P<relay>\S+), .*dsn=(?P<dsn>[\d.]+),"
            r" status=(?P<status>\w+) \((?P<text>.*)\)$", re.DOTALL)

        def wanted(line):
            found = pattern.match(line.text)
            return found and recipient in (None, found["to"])
        line = self.world.sink.wait(wanted, since, seconds)
        if line is None:
            raise AssertionError(
                "Postfix said nothing about %s in %d s" % (queue_id, seconds))
        return Result(line, pattern.match(line.text))

    def deliver(self, sender, recipient, message):
        """Sends to one recipient and waits: (queue id, Result)."""
        mark = self.world.sink.mark()
        queue_id = self.send(sender, recipient, message)
        return queue_id, self.result(queue_id, since=mark)

    def retry(self, queue_id, wanted=("sent", "deferred", "bounced")):
        """Has one deferred message tried again at once, and again until
        there is a result as wanted.  One request is not always enough: the
        line in the log comes before the message is back among the deferred,
        and after one of its own processes has died Postfix puts a message
        back without a word and pauses the service."""
        mark = self.world.sink.mark()
        for _ in range(20):
            done = self.command("/usr/sbin/postqueue", "-i", queue_id)
            if done.returncode != 0:
                raise AssertionError("postqueue: " + done.stderr)
            try:
                result = self.result(queue_id, since=mark, seconds=1)
            except AssertionError:
                continue
            if result.status in wanted:
                return result
            mark = self.world.sink.mark()
        raise AssertionError("no retry of %s came to an end" % queue_id)

    def removed(self, queue_id, seconds=10):
        return self.world.sink.wait(
            lambda line: line.text == queue_id + ": removed", 0, seconds)

    def bounce_of(self, queue_id, seconds=10):
        """The queue id of the bounce of this message."""
        pattern = re.compile(
            queue_id + r": sender non-delivery notification: (\w+)")
        line = self.world.sink.wait(
            lambda line: pattern.match(line.text), 0, seconds)
        if line is None:
            raise AssertionError("no bounce of " + queue_id)
        bounce = pattern.match(line.text)[1]
        self.queued.append(bounce)
        return bounce

    def forget(self):
        """Takes what the last test has left out of the queue."""
        ended = {line.text.split(":")[0] for line in self.world.sink.lines
                 if line.text.endswith(": removed")}
        left = [q for q in self.queued if q not in ended]
        self.queued.clear()
        if left:
            subprocess.run(
                ["/usr/sbin/postsuper", "-c", self.etc, "-d", "-"],
                input="\n".join(left) + "\n", text=True, capture_output=True)
