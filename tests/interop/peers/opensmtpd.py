"""OpenSMTPD, in a root directory of its own."""

import pathlib

import delivering
import relaying
from delivering import LIMIT
from harness import connects, free_ports, run, wait_for
from install import UNPACKED_PACKAGES
from messages import LARGE
from peer import MAILBOXES, MailServer
from private import command
from relaying import WAYS, Behind, domain
from serve import DOMAIN, PASSWORD, USER

NAME = "OpenSMTPD"
NEEDS, AS_ROOT = ["opensmtpd", "private root"], True
LISTENERS = ["all", "bare", "implicit"]


class OpenSmtpd(MailServer):
    """An own instance: own root directory, configuration, queue and processes."""

    name = NAME
    cannot = {
        "PIPELINING", "CHUNKING", "SMTPUTF8", "XCLIENT", "XFORWARD",
        "no extension, not even SIZE", "8-bit content, 8BITMIME not offered",  # both are always offered
        # In Debian 12, with OpenSSL 3, it finds no private key. Without TLS there is no AUTH.
        "takes STARTTLS", "takes implicit TLS", "takes AUTH PLAIN", "takes AUTH LOGIN",
        "DSN, reported",  # the report does not name the envelope
        "AUTH CRAM-MD5", "AUTH SCRAM-SHA-1", "AUTH SCRAM-SHA-256", "AUTH SCRAM-SHA-1-PLUS", "AUTH SCRAM-SHA-256-PLUS",
        "AUTH OAUTHBEARER", "AUTH XOAUTH2",
        "relays AUTH LOGIN",  # only where there is no PLAIN
    }

    def __init__(self, place, tls, behind, name="opensmtpd", largest=LARGE + 1_000_000):
        super().__init__()
        here = place.directory / name
        self.mail, self.log_file = here / "mail", here / "log"
        for directory in (self.mail, here / "room"):
            directory.mkdir(parents=True)
        self.mail.chmod(0o777)
        self.ports = dict(zip(LISTENERS, free_ports(len(LISTENERS))))
        for file, content, mode in self.files(tls, behind, largest):
            place.file(f"{name}/files/{file}", content, mode)
        log = open(self.log_file, "wb")
        place.start(command(UNPACKED_PACKAGES / NAME.lower(), here / "files", here / "room",
                            ["/usr/sbin/smtpd", "-d", "-v"]), stdout=log, stderr=log)
        wait_for(lambda: connects(("127.0.0.1", self.ports["all"])), NAME)

    def files(self, tls, behind, largest):
        users = ["opensmtpd:x:900:900::/var/lib/opensmtpd/empty:/usr/sbin/nologin",
                 "opensmtpq:x:901:901::/var/lib/opensmtpd/empty:/usr/sbin/nologin"]
        own = {name: pathlib.Path("/etc", name).read_text(encoding="utf-8") for name in ("passwd", "group")}
        crypt = run(["openssl", "passwd", "-6", PASSWORD]).stdout.decode().strip()
        yield "etc/passwd", own["passwd"] + "".join(f"{user}\n" for user in users), 0o644
        yield "etc/group", own["group"] + "opensmtpd:x:900:\nopensmtpq:x:901:\n", 0o644
        yield "etc/ssl/certs/ca-certificates.crt", tls[0].read_bytes(), 0o644
        yield "etc/mail/cert.pem", tls[1].read_bytes(), 0o644
        yield "etc/mail/key.pem", tls[2].read_bytes(), 0o600
        boxes = [f"{box}@{DOMAIN}" for box in MAILBOXES if box.isascii()]
        yield "etc/mail/boxes", "".join(f"{box}\n" for box in boxes), 0o644
        yield "etc/mail/owners", f"@{DOMAIN}: nobody\n@{domain('unix')}: nobody\n", 0o644
        yield "etc/mail/logins", f"{USER} {crypt}\n", 0o644
        yield "etc/mail/secrets", f"label {USER}:{PASSWORD}\n", 0o600
        yield "etc/smtpd.conf", self.config(behind, largest), 0o644
        yield "var/lib/opensmtpd/empty/.keep", "", 0o644

    def config(self, behind, largest):
        ports = self.ports
        routes = "".join(f"""
action "{way}" relay host {self.host(way, behind)}
match from any for domain "{domain(way)}" action "{way}"
""" for way in WAYS if way != "unix")
        return f"""
pki own cert "/etc/mail/cert.pem"
pki own key "/etc/mail/key.pem"
table boxes file:/etc/mail/boxes
table owners file:/etc/mail/owners
table logins file:/etc/mail/logins
table secrets file:/etc/mail/secrets
smtp max-message-size "{largest}"
listen on 127.0.0.1 port {ports["all"]} tls pki own auth-optional <logins> hostname mx.opensmtpd.example
listen on 127.0.0.1 port {ports["bare"]} no-dsn hostname mx.opensmtpd.example
listen on 127.0.0.1 port {ports["implicit"]} smtps pki own hostname mx.opensmtpd.example
action "boxes" maildir "{self.mail}/%{{rcpt}}" virtual <owners>
action "unix" lmtp "{behind.relay.unix}" rcpt-to virtual <owners>
match from any for rcpt-to <boxes> action "boxes"
match from any for domain "{domain("unix")}" action "unix"
{routes}
"""

    @staticmethod
    def host(way, behind):
        port = behind.port(way)
        if way in relaying.LOGINS:
            return f"smtp+tls://label@127.0.0.1:{port} auth <secrets> tls"
        return {
            "starttls": f"smtp+tls://127.0.0.1:{port} tls",
            "implicit": f"smtps://127.0.0.1:{port} tls",
            "lmtp": f"lmtp://127.0.0.1:{port}",
        }.get(way, f"smtp+notls://127.0.0.1:{port}")

    def log(self):
        return self.log_file.read_text(errors="backslashreplace")


def cases(place, program, tls):
    behind = Behind(place, program, tls)
    server = OpenSmtpd(place, tls, behind)
    server.ports["small"] = OpenSmtpd(place, tls, behind, "small", LIMIT).ports["all"]
    return [delivering.cases(place, program, tls, server), relaying.cases(server, behind)]
