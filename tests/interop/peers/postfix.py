"""Postfix. Dovecot says who may log in."""

import os

import delivering
import relaying
import upstream
from delivering import FEW, LIMIT
from harness import connects, free_ports, run, wait_for
from install import program as installed
from messages import LARGE
from peer import MAILBOXES, MailServer
from peers.dovecot import Dovecot
from relaying import LOGINS, WAYS, Behind, domain
from serve import DOMAIN, PASSWORD, USER

NAME = "Postfix"
NEEDS, AS_ROOT = ["postfix", "dovecot"], True

# Name of a listener and what is different there.
LISTENERS = {
    "all": "",
    "bare": "-o smtpd_discard_ehlo_keywords=chunking,pipelining,size,8bitmime,smtputf8,"
            "enhancedstatuscodes,dsn,starttls",
    "implicit": "-o smtpd_tls_wrappermode=yes",
    "small": f"-o message_size_limit={LIMIT}",
    "few": f"-o smtpd_recipient_limit={FEW}",
    # Without IPv6 it refuses such addresses in XCLIENT too.
    "trusting": "-o smtpd_authorized_xclient_hosts=127.0.0.1 -o smtpd_authorized_xforward_hosts=127.0.0.1 "
                "-o inet_protocols=all",
    "proxied": "-o smtpd_upstream_proxy_protocol=haproxy -o inet_protocols=all",
}
SECURE = "-o smtp_tls_security_level=secure -o smtp_tls_secure_cert_match=127.0.0.1,localhost"
# Name of a way and the transport for it, where that is not `smtp`.
TRANSPORTS = {
    "starttls": SECURE,
    "implicit": f"{SECURE} -o smtp_tls_wrappermode=yes",
    upstream.WAY: "-o smtp_send_xforward_command=yes",
    **{way: f"{SECURE} -o smtp_sasl_auth_enable=yes -o smtp_sasl_mechanism_filter={mechanism}"
       for way, mechanism in LOGINS.items()},
}


class Postfix(MailServer):
    """An own instance: own configuration, queue and processes."""

    name = NAME
    logs_clients = True
    cannot = {
        "AUTH SCRAM-SHA-1-PLUS", "AUTH SCRAM-SHA-256-PLUS",  # no channel binding on either side
        "relays CHUNKING",
    }

    def __init__(self, place, tls, auth, behind):
        super().__init__()
        ca, cert, key = tls
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
        self.mail, self.log_file = here / "mail", here / "log"
        boxes = "".join(f"{box}@{DOMAIN} {box}@{DOMAIN}/\n" for box in MAILBOXES)
        place.file("postfix/etc/mailboxes", boxes)
        routes = "".join(f"{domain(way)} {self.route(way, behind)}\n" for way in WAYS)
        place.file("postfix/etc/routes", routes)
        place.file("postfix/etc/passwords", f"[127.0.0.1]:{behind.ports['smtp']} {USER}:{PASSWORD}\n")
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
relay_domains = {' '.join(map(domain, WAYS))}
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
        services = [f"127.0.0.1:{self.ports[name]} inet n - n - - smtpd {changes}"
                    for name, changes in LISTENERS.items()]
        services += [f"{name} unix - - n - 0 bounce" for name in ("bounce", "defer", "trace")]
        services += [f"{name} unix - - n - - {program}" for name, program in (
            ("rewrite", "trivial-rewrite"),
            ("error", "error"), ("retry", "error"), ("lmtp", "lmtp"), ("smtp", "smtp"),
            *((way, f"smtp {options}") for way, options in TRANSPORTS.items()))]
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

    @staticmethod
    def route(way, behind):
        if way == "unix":
            return f"lmtp:unix:{behind.relay.unix}"
        if way == "lmtp":
            return f"lmtp:inet:127.0.0.1:{behind.port(way)}"
        transport = way if way in TRANSPORTS else "smtp"
        return f"{transport}:[127.0.0.1]:{behind.port(way)}"

    def log(self):
        return self.log_file.read_text(errors="backslashreplace") if self.log_file.exists() else ""


def cases(place, program, tls):
    behind = Behind(place, program, tls)
    dovecot = Dovecot(place, "auth-for-postfix", "postfix")
    server = Postfix(place, tls, dovecot.auth, behind)
    sent = delivering.cases(place, program, tls, server)
    upstream.tells(server, place, program, sent)
    return [sent, relaying.cases(server, behind)]
