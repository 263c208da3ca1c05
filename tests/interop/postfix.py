"""`smtp send` delivers to Postfix, and Postfix relays to `smtp serve`."""

import os

import messages
import reports
from dovecot import Dovecot
from harness import Failure, Table, check, connects, free_ports, only_file, run, wait_for
from install import program as installed
from messages import difference, without_trace
from relaying import LARGE, REFUSED, Relaying
from sender import Sending
from serve import DOMAIN, PASSWORD, USER, Serve

NAME = "Postfix"
LIMIT = 100_000

# Name of a listener and what is different there.
LISTENERS = {
    "all": "",
    "no-chunking": "-o smtpd_discard_ehlo_keywords=chunking",
    "no-pipelining": "-o smtpd_discard_ehlo_keywords=chunking,pipelining",
    "bare": "-o smtpd_discard_ehlo_keywords=chunking,pipelining,size,8bitmime,smtputf8,"
            "enhancedstatuscodes,dsn,starttls",
    "implicit": "-o smtpd_tls_wrappermode=yes",
    "small": f"-o message_size_limit={LIMIT}",
}
# Domain that is relayed and the transport for it.
RELAYED = {"plain.example": "smtp", "tls.example": "tls", "implicit.example": "implicit", "auth.example": "auth",
           "lmtp.example": "lmtp", "unix.example": "unix", REFUSED: "smtp",
           reports.REPORTED: "reported"}
# `smtp serve` takes nothing for these, or only from who has authenticated.
NOT_OURS = ("auth.example", REFUSED, reports.REPORTED)


class Postfix:
    """An own instance: own configuration, queue and processes. One mailbox for each name in `mailboxes`."""

    def __init__(self, place, tls, auth, mailboxes, relay, asked):
        ca, cert, key = tls
        os.chmod(relay.unix, 0o666)  # Postfix does not connect as root
        here = place.directory / "postfix"
        for name in ("etc", "data", "mail", "queue"):
            here.joinpath(name).mkdir(parents=True)
        run(["chown", "postfix:", here / "data", here / "mail"])
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
                     "saved", "trace"):
            queue = here / "queue" / name
            queue.mkdir(mode=0o700)
            run(["chown", "postfix", queue])
        for name, mode in (("maildrop", 0o730), ("public", 0o710)):
            queue = here / "queue" / name
            queue.mkdir()
            run(["chown", "postfix:postdrop", queue])
            queue.chmod(mode)
        (here / "queue" / "pid").mkdir()
        owner = (here / "mail").stat()
        self.ports = dict(zip(LISTENERS, free_ports(len(LISTENERS))))
        self.mail, self.log = here / "mail", here / "log"
        boxes = "".join(f"{box}@{DOMAIN} {box}@{DOMAIN}/\n" for box in [*mailboxes, "sender", "postmaster"])
        place.file("postfix/etc/mailboxes", boxes)
        routes = {"smtp": f"smtp:[127.0.0.1]:{relay.ports['smtp']}", "tls": f"tls:[127.0.0.1]:{relay.ports['smtp']}",
                  "implicit": f"implicit:[127.0.0.1]:{relay.ports['smtps']}",
                  "auth": f"auth:[127.0.0.1]:{relay.ports['smtp']}",
                  "lmtp": f"lmtp:inet:127.0.0.1:{relay.ports['lmtp']}", "unix": f"lmtp:unix:{relay.unix}",
                  "reported": f"smtp:[127.0.0.1]:{asked.ports['smtp']}"}
        place.file("postfix/etc/routes", "".join(f"{domain} {routes[to]}\n" for domain, to in RELAYED.items()))
        place.file("postfix/etc/passwords", f"[127.0.0.1]:{relay.ports['smtp']} {USER}:{PASSWORD}\n")
        place.file("postfix/etc/main.cf", f"""
compatibility_level = 3.6
queue_directory = {here}/queue
data_directory = {here}/data
mail_owner = postfix
maillog_file = {here}/log
maillog_file_prefixes = {here}
myhostname = mx.postfix.example
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
local_header_rewrite_clients =
smtputf8_enable = yes
smtputf8_autodetect_classes = all
message_size_limit = {LARGE + 1_000_000}
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = texthash:{here}/etc/mailboxes
virtual_mailbox_base = {here}/mail
virtual_mailbox_limit = 0
virtual_minimum_uid = 1
virtual_uid_maps = static:{owner.st_uid}
virtual_gid_maps = static:{owner.st_gid}
relay_domains = {' '.join(RELAYED)}
transport_maps = texthash:{here}/etc/routes
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = reject_unlisted_recipient
smtpd_forbid_bare_newline = yes
smtpd_forbid_unauth_pipelining = yes
smtpd_tls_security_level = may
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {auth}
smtp_tls_CAfile = {ca}
smtp_sasl_password_maps = texthash:{here}/etc/passwords
smtp_sasl_security_options = noanonymous
smtp_line_length_limit = 0
smtp_dns_support_level = disabled
""")
        secure = "-o smtp_tls_security_level=secure -o smtp_tls_secure_cert_match=127.0.0.1,localhost"
        services = [f"127.0.0.1:{self.ports[name]} inet n - n - - smtpd {changes}"
                    for name, changes in LISTENERS.items()]
        services += [f"{name} unix - - n - 0 bounce" for name in ("bounce", "defer", "trace")]
        services += [f"{name} unix - - n - - {program}" for name, program in (
            ("rewrite", "trivial-rewrite"),
            ("error", "error"), ("retry", "error"), ("lmtp", "lmtp"), ("smtp", "smtp"),
            ("tls", f"smtp {secure}"), ("implicit", f"smtp {secure} -o smtp_tls_wrappermode=yes"),
            ("auth", f"smtp {secure} -o smtp_sasl_auth_enable=yes"))]
        services += ["virtual unix - n n - - virtual", "cleanup unix n - n - 0 cleanup",
                     "qmgr unix n - n 300 1 qmgr", "anvil unix - - n - 1 anvil",
                     "tlsmgr unix - - n 1000? 1 tlsmgr", "proxymap unix - - n - - proxymap",
                     "scache unix - - n - 1 scache", "showq unix n - n - - showq", "flush unix n - n 1000? 0 flush",
                     "postlog unix-dgram n - n - 1 postlogd"]
        place.file("postfix/etc/master.cf", "\n".join(services) + "\n")
        daemons = run([installed("postconf"), "-c", here / "etc", "-dh", "daemon_directory"]).stdout.decode().strip()
        place.start([f"{daemons}/master", "-d", "-c", str(here / "etc")],
                    env={**os.environ, "MAIL_CONFIG": str(here / "etc")})
        wait_for(lambda: connects(("127.0.0.1", self.ports["all"])), "Postfix")

    def check_delivered(self, address, message):
        try:
            found = only_file(self.mail / address / "new")
        except Failure as failure:
            raise Failure(f"{failure}; the end of Postfix's log:\n{self.log.read_text()[-2000:]}") from failure
        differs = difference(message, without_trace(found.replace(b"\n", b"\r\n")))
        check(differs is None, differs)

    def check_nothing(self, address):
        check(not (self.mail / address / "new").is_dir(), f"something was delivered to {address}")


MAILBOXES = ["plain", "data", "one-by-one", "bare", "starttls", "implicit", "auth-plain", "auth-login", "eight-bit",
             "eight-bit-data", "dots", "dots-data", "no-body", "long-lines", "large", "large-data", "null", "unix-lines",
             "attachment", "attachment-data", "one", "two", "δοκιμή", "utf8-header", "refused-some",
             *reports.MAILBOXES]


def cases(place, program, tls, peers):
    if NAME not in peers:
        return []
    domains = [domain for domain in RELAYED if domain not in NOT_OURS]
    relay = Serve(place, program, "relay", "--tls-cert", tls[1], "--tls-key", tls[2], "--trace",
                  "--user", f"{USER}:{PASSWORD}", *[word for domain in domains for word in ("--domain", domain)],
                  listeners=("listen", "listen-tls", "listen-lmtp", "unix"))
    dovecot = Dovecot(place, "auth-for-postfix", "postfix")
    asked = reports.asked_server(place, program, "reports-of-postfix")
    server = Postfix(place, tls, dovecot.auth, MAILBOXES, relay, asked)
    return [sending(place, program, tls, server), relaying(server, relay, asked)]


def sending(place, program, tls, server):
    table = Table("smtp send delivers to", [NAME])
    to = {name: Sending(table, NAME, place, program, server, f"127.0.0.1:{port}")
          for name, port in server.ports.items()}
    starttls = Sending(table, NAME, place, program, server, f"127.0.0.1:{server.ports['all']}",
                       ["--tls", "starttls", "--ca", tls[0]])
    implicit = Sending(table, NAME, place, program, server, f"127.0.0.1:{server.ports['implicit']}",
                       ["--tls", "implicit", "--ca", tls[0]])
    to["all"].delivered("CHUNKING", "plain", traced=["C: BDAT "], untraced=["C: DATA"])
    to["no-chunking"].delivered("pipelining and DATA", "data", traced=["C: DATA"], untraced=["C: BDAT "])
    to["no-pipelining"].delivered("neither", "one-by-one", untraced=["C: BDAT "])
    to["bare"].delivered("no extension at all", "bare", untraced=["C: BDAT ", "SIZE="])
    starttls.delivered("STARTTLS", "starttls", traced=["C: STARTTLS"])
    implicit.delivered("implicit TLS", "implicit", untraced=["C: STARTTLS"])
    to["all"].refused("certificate not trusted: 69", 69, "certificate", arguments=["--tls", "starttls"])
    for mechanism in ("PLAIN", "LOGIN"):
        login = ["--user", USER, "--password", PASSWORD, "--auth", mechanism]
        starttls.delivered(f"AUTH {mechanism}", f"auth-{mechanism.lower()}", arguments=login,
                           traced=[f"C: AUTH {mechanism}", "S: 235"], untraced=[PASSWORD])
    wrong = ["--user", USER, "--password", "wrong"]
    starttls.refused("wrong password: 77", 77, "535", arguments=wrong)
    to["all"].delivered("8-bit content", "eight-bit", messages.EIGHT_BIT, traced=["BODY=8BITMIME"])
    to["no-chunking"].delivered("8-bit content, DATA", "eight-bit-data", messages.EIGHT_BIT)
    to["bare"].refused("8-bit content, no 8BITMIME: 69", 69, "8BITMIME", messages.EIGHT_BIT)
    to["all"].delivered("leading dots", "dots", messages.DOTS)
    to["no-chunking"].delivered("leading dots, DATA", "dots-data", messages.DOTS)
    to["all"].delivered("no body", "no-body", messages.NO_BODY)
    to["all"].delivered("long lines", "long-lines", messages.LONG_LINES)
    to["no-chunking"].delivered("lines that end with LF", "unix-lines", messages.DOTS, unix_lines=True)
    to["all"].delivered("null reverse-path", "null", sender="")
    to["all"].delivered("25 MiB", "large", messages.large(LARGE))
    to["no-chunking"].delivered("25 MiB, DATA", "large-data", messages.large(LARGE))
    to["all"].attachment("attachment", "attachment")
    to["bare"].attachment("attachment, no extension", "attachment-data")
    to["all"].delivered("SMTPUTF8 address", "δοκιμή", traced=["SMTPUTF8"])
    to["all"].delivered("SMTPUTF8 header", "utf8-header", messages.UTF8_HEADER, traced=["SMTPUTF8"])
    to["all"].refused("unknown recipient: 69", 69, f"refused@{DOMAIN}: rejected at RCPT: 550 5.1.1 ")
    to["all"].several("one of three unknown", ["one", "nobody", "two"], ["nobody"])
    to["small"].refused("too large: 69", 69, "552", messages.large(LIMIT + 1))
    reports.asked_for(to["all"])
    return table


def relaying(server, relay, asked):
    on = Relaying(NAME, server, relay)
    on.relayed("plain, pipelining", "plain.example")
    on.relayed("several recipients", "plain.example", names=["a", "b", "c"])
    on.some_refused("one of three refused", "plain.example", "refused-some")
    on.relayed("STARTTLS", "tls.example", traced=["C: STARTTLS"])
    on.relayed("implicit TLS", "implicit.example", untraced=["C: STARTTLS"])
    on.relayed("AUTH SCRAM-SHA-256", "auth.example", traced=["C: AUTH SCRAM-SHA-256"])
    on.relayed("8-bit content", "plain.example", messages.EIGHT_BIT, options=["BODY=8BITMIME"])
    on.relayed("leading dots", "plain.example", messages.DOTS)
    on.relayed("no body", "plain.example", messages.NO_BODY)
    on.relayed("long lines", "plain.example", messages.LONG_LINES)
    on.relayed("25 MiB", "plain.example", messages.large(LARGE))
    on.relayed("SMTPUTF8", "plain.example", messages.UTF8_HEADER, ["δοκιμή"], options=["SMTPUTF8", "BODY=8BITMIME"],
               traced=[" SMTPUTF8"])
    on.relayed("LMTP on TCP", "lmtp.example", names=["a", "b", "c"], traced=["C: LHLO "])
    on.relayed("LMTP on a Unix socket", "unix.example", names=["a", "b", "c"], traced=["C: LHLO "])
    reports.handed_on(on, asked)
    return on.table
