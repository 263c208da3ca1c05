"""What the clients of others send, `smtp serve` receives to the last octet."""

import messages
from clients.client import Target
from messages import LARGE
from serve import BY_TOKEN, DOMAIN, MECHANISMS, PASSWORD, TOKEN, USER, Serve
from table import Table, check

LIMIT = 100_000
ELSEWHERE = "elsewhere.example"


def cases(place, program, tls, client):
    table = Table("smtp serve receives from", [client.name])
    ca, cert, key = tls
    shared = ["--tls-cert", cert, "--tls-key", key, "--domain", DOMAIN, "--user", f"{USER}:{PASSWORD}",
              "--token", f"{USER}:{TOKEN}", "--auth", ",".join(reversed(MECHANISMS + BY_TOKEN))]
    server = Serve(place, program, "serve", *shared, listeners=("listen", "listen-tls", "listen-lmtp", "unix"))
    small = Serve(place, program, "small", *shared, "--max-message-size", LIMIT)
    target = Target(server.ports["smtp"], str(ca))
    lmtp = Target(server.ports["lmtp"], str(ca), lmtp=True)
    unix = Target(server.unix, str(ca), lmtp=True)
    sender = Sender(table, place, client, server)
    sender.accepted("plain", target)
    sender.accepted("PIPELINING", target, pipelining=True)
    sender.accepted("STARTTLS", target, tls="starttls")
    sender.accepted("implicit TLS", target, tls="implicit", port=server.ports["smtps"])
    for mechanism in MECHANISMS + BY_TOKEN:
        # The recipient is one that only an authenticated client may name.
        sender.accepted(f"AUTH {mechanism}", target, tls="starttls", auth=mechanism, domain=ELSEWHERE,
                        password=TOKEN if mechanism in BY_TOKEN else PASSWORD)
        sender.refused(f"AUTH {mechanism}, wrong password", target, "535", tls="starttls", auth=mechanism,
                       password="wrong")
    sender.refused("relay refused", target, "550", domain=ELSEWHERE)
    sender.some_accepted("one of three refused", target)
    sender.accepted("8-bit content", target, message=messages.EIGHT_BIT)
    sender.accepted("leading dots", target, message=messages.DOTS)
    sender.accepted("no body", target, message=messages.NO_BODY)
    sender.accepted("long lines", target, message=messages.LONG_LINES)
    sender.accepted("25 MiB", target, message=messages.large(LARGE))
    sender.refused("too large", target, "552", message=messages.large(LIMIT + 1), port=small.ports["smtp"])
    sender.accepted("SMTPUTF8", target, message=messages.UTF8_HEADER, local_part="δοκιμή")
    sender.accepted("LMTP, on TCP", lmtp)
    sender.accepted("LMTP, on a Unix socket", unix)
    sender.some_accepted("LMTP, one of three refused", lmtp)
    return table


class Sender:
    """Sends to addresses of its own, so that no case sees the mail of another."""

    def __init__(self, table, place, client, server):
        self.table, self.place, self.client, self.server = table, place, client, server
        self.count = 0

    def address(self, local_part="to", domain=DOMAIN):
        self.count += 1
        return f"{local_part}-{self.client.name}-{self.count}@{domain}"

    def client_has(self, feature):
        """Whether the client can do this; if not, the table tells."""
        has = {feature, feature.partition(",")[0]} & self.client.features
        if not has or feature in self.client.cannot:
            self.table.cannot(feature, self.client.name)
            return False
        return True

    def send(self, target, to, message, changes):
        return self.client.send(self.place, Target(**{**vars(target), **changes}), to, message)

    def accepted(self, feature, target, message=messages.SIMPLE, local_part="to", domain=DOMAIN, **changes):
        if self.client_has(feature):
            with self.table.case(feature, self.client.name):
                to = self.address(local_part, domain)
                sent = self.send(target, [to], message, changes)
                check(sent.accepted, sent.said)
                if self.client.delivers:
                    self.server.check_delivered(to, message)

    def some_accepted(self, feature, target, **changes):
        if self.client_has(feature):
            with self.table.case(feature, self.client.name):
                to = [self.address(), self.address(domain=ELSEWHERE), self.address()]
                sent = self.send(target, to, messages.SIMPLE, changes)
                check(sent.accepted, sent.said)
                self.server.check_delivered(to[0], messages.SIMPLE)
                self.server.check_delivered(to[2], messages.SIMPLE)
                self.server.check_nothing(to[1])

    def refused(self, feature, target, code, message=messages.SIMPLE, domain=DOMAIN, **changes):
        if self.client_has(feature):
            with self.table.case(feature, self.client.name):
                to = self.address(domain=domain)
                sent = self.send(target, [to], message, changes)
                check(not sent.accepted and code in sent.said, f"no {code}:\n{sent.said}")
                self.server.check_nothing(to)
