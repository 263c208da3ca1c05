"""`smtp serve` itself: what no server of others has, and that both sides agree on all else."""

import delivering
import messages
from delivering import FEW
from harness import text
from peer import MailServer
from sender import TEMPORARY, UNAVAILABLE, Client, Sending
from serve import BY_TOKEN, DOMAIN, MECHANISMS, PASSWORD, TOKEN, USER, Serve
from table import Table, check

NAME, NEEDS = "smtp", []
OFFERED = ["DSN", "REQUIRETLS", "MT-PRIORITY", "FUTURERELEASE=86400", "DELIVERBY=60", "RRVS", "MTRK",
           "NO-SOLICITING=org.example:ads", "BINARYMIME"]
# A wish, and what is said of it: to MAIL, to RCPT.
WISHES = {
    "MT-PRIORITY": (["--priority", "3"], "MT-PRIORITY=3"),
    "FUTURERELEASE": (["--hold-for", "60"], "HOLDFOR=60"),
    "DELIVERBY": (["--deliver-by", "3600", "--if-late", "return"], "BY=3600;R"),
    "RRVS": (["--rrvs", "2026-01-01T00:00:00Z"], "RRVS=2026-01-01T00:00:00Z"),
    "NO-SOLICITING": (["--solicit", "org.example:news"], "SOLICIT=org.example:news"),
    "DSN, handed over": (["--dsn-notify", "success,delay", "--envid", "x+y"], "ENVID=x+2By"),
}


class Own(MailServer):
    """Servers of different kinds, one for each listener, that store into one place."""

    name = NAME
    line_end = b"\r\n"

    def __init__(self, place, program, tls):
        super().__init__()
        secure = ["--tls-cert", tls[1], "--tls-key", tls[2]]
        own = ["--domain", DOMAIN, "--user", f"{USER}:{PASSWORD}",
               "--token", f"{USER}:{TOKEN}", "--auth", ",".join(reversed(MECHANISMS + BY_TOKEN)), "--trace",
               "--maildir", place.directory / "boxes"]
        self.mail = place.directory / "boxes"
        offered = [word for keyword in OFFERED for word in ("--offer", keyword)]
        self.servers = [
            Serve(place, program, "all", *own, *secure, *offered, listeners=("listen", "listen-tls", "listen-lmtp")),
            Serve(place, program, "bare", *own, "--no-tls", *[word for keyword in (
                "PIPELINING", "CHUNKING", "SIZE", "8BITMIME", "SMTPUTF8") for word in ("--withhold", keyword)]),
            Serve(place, program, "small", *own, *secure, "--max-message-size", delivering.LIMIT),
            Serve(place, program, "told", *own, *secure, "--max-recipients", FEW),
            Serve(place, program, "few", *own, *secure, "--max-recipients", FEW, "--withhold", "LIMITS"),
            Serve(place, program, "one", *own, *secure, "--max-recipients", FEW, "--max-mails", 1),
        ]
        everything, bare, small, told, few, one = (server.ports for server in self.servers)
        self.ports = {"all": everything["smtp"], "implicit": everything["smtps"], "lmtp": everything["lmtp"],
                      "bare": bare["smtp"], "small": small["smtp"],
                      "told": told["smtp"], "few": few["smtp"], "one": one["smtp"]}

    def log(self):
        return "".join(server.trace() for server in self.servers)


def cases(place, program, tls):
    table = Table("smtp send delivers to", [NAME])
    server = Own(place, program, tls)

    def to(listener, *arguments):
        return Sending(table, server, Client(place, program, f"127.0.0.1:{server.ports[listener]}", *arguments))

    starttls = to("all", "--tls", "starttls", "--ca", tls[0])
    inside = to("implicit", "--tls", "implicit", "--ca", tls[0])
    for mechanism in MECHANISMS + BY_TOKEN:
        delivering.login(starttls, mechanism)
        delivering.login(inside, mechanism, ", inside TLS")
    inside.delivered("REQUIRETLS", arguments=["--require-tls"], traced=["> SIZE=187 REQUIRETLS"])
    secure = ["--require-tls", "--ca", tls[0]]
    to("bare").refused("REQUIRETLS, no TLS", UNAVAILABLE, "STARTTLS", arguments=secure)
    to("small").refused("REQUIRETLS, not offered", UNAVAILABLE, "REQUIRETLS", arguments=secure)
    for feature, (wish, said) in WISHES.items():
        inside.delivered(feature, arguments=wish, traced=[said])
        to("bare").refused(f"{feature}, not offered", UNAVAILABLE, feature.partition(",")[0], arguments=wish)
    to("told").split("LIMITS, RCPTMAX", 5, FEW, traced=["S: 250-LIMITS RCPTMAX=2"], untraced=["S: 452"])
    to("few").split("too many recipients", 5, FEW, traced=["S: 452 4.5.3"], untraced=["LIMITS"])
    some_left(to("one"))
    to("bare").delivered("no extension", untraced=["C: BDAT ", "SIZE="], grouped=False)
    to("bare").refused("8-bit content, 8BITMIME not offered", UNAVAILABLE, "8BITMIME", messages.EIGHT_BIT)
    delivering.content(to("all"))
    delivering.content(to("lmtp", "--lmtp"), "LMTP, ")
    return table


def some_left(send):
    """The server takes one transaction in a session: who is left is told to come again."""
    with send.table.case("LIMITS, MAILMAX", NAME):
        to = [send.server.address() for _ in range(FEW + 1)]
        result = send.client.send(to, messages.SIMPLE)
        said = text(result)
        check(result.returncode == TEMPORARY and f"{to[-1]}: deferred before MAIL" in said and "MAILMAX" in said, said)
        for address in to[:-1]:
            send.server.check_delivered(address, messages.SIMPLE)
        send.server.check_nothing(to[-1])
