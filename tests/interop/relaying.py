"""A message is given to a mail server of others, which sends it on to `smtp serve`."""

import os
import smtplib

import messages
import reports
import upstream
from harness import wait_for
from messages import LARGE
from serve import MECHANISMS, PASSWORD, USER, Serve
from table import Table, check


def domain(way):
    """Mail for this domain is sent on in this way."""
    return f"{way.lower()}.example"


# Without TLS, by DATA, inside TLS, by LMTP on TCP and on a Unix socket, with a login ...
OURS = ["smtp", "data", "starttls", "implicit", "lmtp", "unix"]
LOGINS = {f"auth-{mechanism.lower()}": mechanism for mechanism in MECHANISMS}
# ... and to where it is refused.
REFUSED = "refused"
WAYS = [*OURS, *LOGINS, REFUSED, reports.WAY, upstream.WAY]


class Behind:
    """Where the mail servers send mail on to."""

    def __init__(self, place, program, tls):
        # Nothing is taken for the other domains, or only from who has logged in.
        domains = [word for way in OURS for word in ("--domain", domain(way))]
        self.relay = Serve(place, program, "relay", "--tls-cert", tls[1], "--tls-key", tls[2], "--trace",
                           "--user", f"{USER}:{PASSWORD}", "--auth", ",".join(reversed(MECHANISMS)), *domains,
                           listeners=("listen", "listen-tls", "listen-lmtp", "unix"))
        os.chmod(self.relay.unix, 0o666)  # the servers connect under users of their own
        self.asked = reports.asked_server(place, program, "reports", domain(reports.WAY))
        self.told = upstream.told_server(place, program, "forwarded", domain(upstream.WAY))
        self.ports = self.relay.ports

    def port(self, way):
        """The port on which `way` arrives."""
        if way == reports.WAY:
            return self.asked.ports["smtp"]
        if way == upstream.WAY:
            return self.told.ports["smtp"]
        return self.ports[{"implicit": "smtps", "lmtp": "lmtp"}.get(way, "smtp")]


class Relaying:
    """Relays through one server of others to one of ours."""

    def __init__(self, table, server, relay):
        self.table, self.server, self.relay = table, server, relay

    def lacks(self, feature):
        lacks = self.server.lacks(f"relays {feature}") or self.server.lacks(feature)
        if lacks:
            self.table.cannot(feature, self.server.name)
        return lacks

    def submit(self, to, message=messages.SIMPLE, options=(), recipient_options=(), sender="sender@client.example",
               source="127.0.0.1"):
        with smtplib.SMTP("127.0.0.1", self.server.ports["all"], "client.example", timeout=30,
                          source_address=(source, 0)) as client:
            client.sendmail(sender, to, message, list(options), list(recipient_options))

    def relayed(self, feature, way, message=messages.SIMPLE, names=("to",), traced=(), untraced=(), **options):
        """Each recipient gets the message; `traced` is in what the server said for it, `untraced` is not."""
        if self.lacks(feature):
            return
        with self.table.case(feature, self.server.name):
            local_part = "".join(c for c in feature.replace(" ", "-") if c not in ",:").lower()
            to = [f"{name}-{local_part}@{domain(way)}" for name in names]
            before = len(self.relay.trace())
            self.submit(to, message, **options)
            for address in to:
                self.relay.check_delivered(address, message, 30)
            # What is said is written down a moment later than the message.
            wait_for(lambda: "stored as" in self.relay.trace()[before:], "the end of the trace")
            said = self.relay.trace()[before:]
            for part in traced:
                check(part in said, f"no {part!r} in\n{said}")
            for part in untraced:
                check(part not in said, f"{part!r} in\n{said}")

    def some_refused(self, feature):
        """Who is refused is told of to the sender, in the words of `smtp serve`."""
        if self.lacks(feature):
            return
        with self.table.case(feature, self.server.name):
            sender = self.server.address()
            to = [f"first@{domain('smtp')}", f"nobody@{domain(REFUSED)}", f"last@{domain('smtp')}"]
            self.submit(to, sender=sender)
            self.relay.check_delivered(to[0], messages.SIMPLE, 10)
            self.relay.check_delivered(to[2], messages.SIMPLE, 10)
            self.relay.check_nothing(to[1])
            told = reports.report(self.server, sender)
            check(to[1] in told and "550 5.7.1" in reports.words(self.server, sender), told)
            check(to[0] not in told and to[2] not in told, told)


def cases(server, behind):
    on = Relaying(Table("smtp serve receives from", [server.name]), server, behind.relay)
    on.relayed("plain", "smtp")
    on.relayed("CHUNKING", "smtp", traced=["C: BDAT "], untraced=["C: DATA"])
    on.relayed("DATA", "data", traced=["C: DATA"], untraced=["C: BDAT "])
    on.relayed("several recipients", "smtp", names=["a", "b", "c"])
    on.some_refused("one of three refused")
    on.relayed("STARTTLS", "starttls", traced=["C: STARTTLS"])
    on.relayed("implicit TLS", "implicit", untraced=["C: STARTTLS"])
    for way, mechanism in LOGINS.items():
        on.relayed(f"AUTH {mechanism}", way, traced=[f"C: AUTH {mechanism}"])
    chunking = not (server.lacks("CHUNKING") or server.lacks("relays CHUNKING"))
    for detail, way in (("", "smtp"), (", by DATA", "data"))[:1 + chunking]:
        on.relayed(f"8-bit content{detail}", way, messages.EIGHT_BIT, options=["BODY=8BITMIME"])
        on.relayed(f"leading dots{detail}", way, messages.DOTS)
        on.relayed(f"25 MiB{detail}", way, messages.large(LARGE))
    on.relayed("no body", "smtp", messages.NO_BODY)
    on.relayed("long lines", "smtp", messages.LONG_LINES)
    on.relayed("SMTPUTF8", "smtp", messages.UTF8_HEADER, ["δοκιμή"], options=["SMTPUTF8", "BODY=8BITMIME"],
               traced=[" SMTPUTF8"])
    on.relayed("LMTP, on TCP", "lmtp", names=["a", "b", "c"], traced=["C: LHLO "])
    on.relayed("LMTP, on a Unix socket", "unix", names=["a", "b", "c"], traced=["C: LHLO "])
    reports.handed_on(Relaying(on.table, server, behind.asked))
    upstream.handed_on(Relaying(on.table, server, behind.told))
    return on.table
