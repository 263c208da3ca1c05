"""`smtp send` as the cases run it: exit code, a line for each recipient, and what was delivered."""

import email
import email.policy
import random
import re

import messages
from harness import only_file, run, text, wait_for
from serve import DOMAIN, RUNTIME
from table import check

OK, UNAVAILABLE, TEMPORARY, PERMISSION = 0, 69, 75, 77
# RCPT goes out before there is a reply to MAIL.
GROUP = re.compile(r"C: MAIL FROM.*\n *[0-9.]+ C: RCPT TO")
# The content does, too.
FLIGHT = re.compile(r"C: RCPT TO.*\n *[0-9.]+ C: BDAT")


class Client:
    """Sends to one address, always with these arguments."""

    def __init__(self, place, program, address, *arguments):
        self.place, self.program, self.address, self.arguments = place, program, address, list(arguments)

    def run(self, to, arguments, sender="sender@client.example"):
        command = [self.program, "send", "--server", self.address, "--hello", "client.example", "--trace",
                   "--timeout", "30", "--from", sender]
        for address in to:
            command += ["--to", address]
        return run([*command, *RUNTIME, *self.arguments, *arguments])

    def send(self, to, message, arguments=(), unix_lines=False, **options):
        content = message.replace(b"\r\n", b"\n") if unix_lines else message
        path = self.place.file("send.eml", content)
        return self.run(to, ["--message", path, *arguments], **options)


class Sending:
    """Sends to one server of others, in one way."""

    def __init__(self, table, server, client):
        self.table, self.server, self.client = table, server, client

    def lacks(self, feature):
        """Whether the server does not have this at all, which the table tells."""
        lacks = self.server.lacks(f"takes {feature}") or self.server.lacks(feature)
        if lacks:
            self.table.cannot(feature, self.server.name)
        return lacks

    def delivered(self, feature, message=messages.SIMPLE, to=None, traced=(), untraced=(), grouped=None, ahead=None,
                  received=(), logged=(), **options):
        """The message arrives; `traced` is in the trace of the session and `untraced` is not; `received` is in the
        Received field on top of the message, and `logged` in what the server's log then has more. `grouped` says
        whether commands left in groups, and `ahead` whether the content left with them, if that matters."""
        if self.lacks(feature):
            return
        with self.table.case(feature, self.server.name):
            to, before = to or self.server.address(), len(self.server.log())
            said = text(self.client.send([to], message, **options))
            check(said.startswith(f"exit {OK}\n") and f"{to}: delivered: 2" in said, said)
            self.server.check_delivered(to, message)
            for part in traced:
                check(part in said, f"no {part!r} in\n{said}")
            for part in untraced:
                check(part not in said, f"{part!r} in\n{said}")
            field = self.server.received(to) if received else ""
            for part in received:
                check(part in field, f"no {part!r} in\n{field}\n{said}")
            for part in logged:
                wait_for(lambda part=part: part in self.server.log()[before:], f"{part!r} in the log", 5)
            check(grouped in (None, bool(GROUP.search(said))), f"commands in groups: {not grouped}\n{said}")
            check(ahead in (None, bool(FLIGHT.search(said))), f"content ahead: {not ahead}\n{said}")

    def several(self, feature, known, unknown, refusal="550 "):
        """Each recipient has an outcome of its own, and all but the unknown ones get the message."""
        if self.lacks(feature):
            return
        with self.table.case(feature, self.server.name):
            nobody = [f"nobody-{n}@{DOMAIN}" for n in range(unknown)]
            somebody = [self.server.address() for _ in range(known)]
            # nobody is not the first: first, nobody, second, nobody, third ...
            to = [address for pair in zip(somebody, nobody) for address in pair]
            to += [address for address in [*somebody, *nobody] if address not in to]
            result = self.client.send(to, messages.SIMPLE)
            said = text(result)
            check(result.returncode == UNAVAILABLE, said)
            for address in to:
                outcome = f"rejected at RCPT: {refusal}" if address in nobody else "delivered: 2"
                check(f"{address}: {outcome}" in said, f"not {address}: {outcome} in\n{said}")
                if address in nobody:
                    self.server.check_nothing(address)
                else:
                    self.server.check_delivered(address, messages.SIMPLE)

    def split(self, feature, recipients, most, traced=(), untraced=()):
        """The server takes only so many recipients at a time; the others get the message in further transactions on
        the same connection."""
        if self.lacks(feature):
            return
        with self.table.case(feature, self.server.name):
            to = [self.server.address() for _ in range(recipients)]
            said = text(self.client.send(to, messages.DOTS))
            check(said.startswith(f"exit {OK}\n"), said)
            for address in to:
                check(f"{address}: delivered: 2" in said, f"{address}:\n{said}")
                self.server.check_delivered(address, messages.DOTS)
            transactions = said.count("C: MAIL FROM")
            check(transactions == -(-recipients // most), f"{transactions} transactions\n{said}")
            check(said.count("C: EHLO") == 1, said)
            for part in traced:
                check(part in said, f"no {part!r} in\n{said}")
            for part in untraced:
                check(part not in said, f"{part!r} in\n{said}")

    def refused(self, feature, code, reply, message=messages.SIMPLE, to=None, traced=(), **options):
        """Nobody gets the message; the exit code and the reply say why; `traced` is in the trace, in this order."""
        if self.lacks(feature):
            return
        with self.table.case(feature, self.server.name):
            to = to or self.server.address()
            result = self.client.send([to], message, **options)
            said = text(result)
            check(result.returncode == code and reply in said, f"{code}, {reply!r}:\n{said}")
            place = 0
            for part in traced:
                place = said.find(part, place)
                check(place >= 0, f"no {part!r} in\n{said}")
            self.server.check_nothing(to)

    def attachment(self, feature):
        """A composed message whose parts come out as they went in."""
        if self.lacks(feature):
            return
        with self.table.case(feature, self.server.name):
            octets = random.Random(2045).randbytes(300_000)
            file = self.client.place.file("Übersicht 1.bin", octets)
            body = "Grüße\n.\n..\nFrom here\n" + "a long line " * 200 + "\n"
            to = self.server.address()
            result = self.client.run([to], ["--subject", "Größe", "--body", body, "--attach", file])
            check(result.returncode == OK, text(result))
            found = only_file(self.server.mail / to / "new").replace(b"\r\n", b"\n")
            found = email.message_from_bytes(found, policy=email.policy.default)
            check(found["subject"] == "Größe", f"subject {found['subject']!r}")
            check(found["to"].addresses[0].addr_spec == to, f"to {found['to']!r}")
            (part,) = found.iter_attachments()
            check(part.get_content() == octets, "the attachment differs")
            check(part.get_filename() == file.name, f"file name {part.get_filename()!r}")
            text_part = found.get_body().get_content()
            check(text_part.rstrip("\n") == body.rstrip("\n"), f"text {text_part!r}")
