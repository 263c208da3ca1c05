"""A message is given to a mail server of others, which sends it on to `smtp serve`."""

import email
import email.policy
import smtplib

import messages
from harness import Table, check, only_file
from serve import DOMAIN

LARGE = 25 * 1024 * 1024
# Nobody's here: the mail server relays to this domain, and `smtp serve` takes nothing for it.
REFUSED = "refused.example"


class Relaying:
    """Relays through one server, `peer`; its domains name the ways in which it sends on."""

    def __init__(self, peer, server, relay, table=None):
        self.table = table or Table("smtp serve receives from", [peer])
        self.peer, self.server, self.relay = peer, server, relay

    def submit(self, to, message=messages.SIMPLE, options=(), recipient_options=(), sender=f"sender@{DOMAIN}"):
        with smtplib.SMTP("127.0.0.1", self.server.ports["all"], "client.example", timeout=30) as client:
            client.sendmail(sender, to, message, list(options), list(recipient_options))

    def relayed(self, feature, domain, message=messages.SIMPLE, names=("to",), traced=(), untraced=(), **options):
        """Each recipient gets the message; `traced` is in what the server said for it, `untraced` is not."""
        with self.table.case(feature, self.peer):
            local_part = "".join(c for c in feature.replace(" ", "-") if c not in ",:").lower()
            to = [f"{name}-{local_part}@{domain}" for name in names]
            before = len(self.relay.trace())
            self.submit(to, message, **options)
            for address in to:
                self.relay.check_delivered(address, message, 30)
            said = self.relay.trace()[before:]
            for part in traced:
                check(part in said, f"no {part!r} in\n{said}")
            for part in untraced:
                check(part not in said, f"{part!r} in\n{said}")

    def some_refused(self, feature, domain, mailbox):
        """Who is refused is told of to the sender, in the words of `smtp serve`."""
        with self.table.case(feature, self.peer):
            to = [f"first-{mailbox}@{domain}", f"nobody-{mailbox}@{REFUSED}", f"last-{mailbox}@{domain}"]
            self.submit(to, sender=f"{mailbox}@{DOMAIN}")
            self.relay.check_delivered(to[0], messages.SIMPLE, 10)
            self.relay.check_delivered(to[2], messages.SIMPLE, 10)
            self.relay.check_nothing(to[1])
            told = report(self.server, f"{mailbox}@{DOMAIN}")
            check(to[1] in told and "550" in told, told)
            check(to[0] not in told and to[2] not in told, told)


def report(server, address):
    """The delivery status of the one report, RFC 3464, that this address gets."""
    found = email.message_from_bytes(only_file(server.mail / address / "new"), policy=email.policy.default)
    parts = [part for part in found.walk() if part.get_content_type() == "message/delivery-status"]
    check(len(parts) == 1, f"{found.get_content_type()} without a delivery status")
    return "\n".join(str(fields) for fields in parts[0].get_payload())
