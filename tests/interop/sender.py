"""`smtp send` as the cases run it: exit code, a line for each recipient, and what was delivered."""

import email
import email.policy
import random

import messages
from harness import check, only_file, run, text
from serve import DOMAIN

OK, UNAVAILABLE = 0, 69


class Sending:
    """Sends to one server, always with these arguments."""

    def __init__(self, table, peer, place, program, server, address, arguments=()):
        self.table, self.peer, self.place, self.program = table, peer, place, program
        self.server, self.address, self.arguments = server, address, list(arguments)

    def run(self, to, arguments, sender="sender@client.example"):
        command = [self.program, "send", "--server", self.address, "--hello", "client.example", "--trace",
                   "--timeout", "30", "--from", sender]
        for address in to:
            command += ["--to", address]
        return run([*command, *self.arguments, *arguments])

    def send(self, to, message, arguments=(), unix_lines=False, sender="sender@client.example"):
        content = message.replace(b"\r\n", b"\n") if unix_lines else message
        path = self.place.file("send.eml", content)
        return self.run(to, ["--message", path, *arguments], sender)

    def delivered(self, feature, local_part, message=messages.SIMPLE, traced=(), untraced=(), **options):
        """The message arrives; `traced` is in the trace of the session and `untraced` is not."""
        with self.table.case(feature, self.peer):
            to = f"{local_part}@{DOMAIN}"
            result = self.send([to], message, **options)
            said = text(result)
            check(result.returncode == OK and f"{to}: delivered: 2" in said, said)
            self.server.check_delivered(to, message)
            for part in traced:
                check(part in said, f"no {part!r} in\n{said}")
            for part in untraced:
                check(part not in said, f"{part!r} in\n{said}")

    def several(self, feature, local_parts, unknown, refusal="550 5.1.1 "):
        """Each recipient has an outcome of its own; all but the unknown ones get the message."""
        with self.table.case(feature, self.peer):
            result = self.send([f"{name}@{DOMAIN}" for name in local_parts], messages.SIMPLE)
            said = text(result)
            check(result.returncode == UNAVAILABLE, said)
            for name in local_parts:
                address = f"{name}@{DOMAIN}"
                line = f"{address}: rejected at RCPT: {refusal}" if name in unknown else f"{address}: delivered: 2"
                check(line in said, f"no {line!r} in\n{said}")
                if name in unknown:
                    self.server.check_nothing(address)
                else:
                    self.server.check_delivered(address, messages.SIMPLE)

    def refused(self, feature, code, reply, message=messages.SIMPLE, **options):
        """Nobody gets the message; the exit code and the reply say why."""
        with self.table.case(feature, self.peer):
            result = self.send([f"refused@{DOMAIN}"], message, **options)
            check(result.returncode == code and reply in text(result), f"{code}, {reply!r}:\n{text(result)}")
            self.server.check_nothing(f"refused@{DOMAIN}")

    def attachment(self, feature, local_part):
        """A composed message whose parts come out as they went in."""
        with self.table.case(feature, self.peer):
            octets = random.Random(2045).randbytes(300_000)
            file = self.place.file("Übersicht 1.bin", octets)
            body = "Grüße\n.\n..\nFrom here\n" + "a long line " * 200 + "\n"
            to = f"{local_part}@{DOMAIN}"
            result = self.run([to], ["--subject", "Größe", "--body", body, "--attach", file])
            check(result.returncode == OK, text(result))
            found = email.message_from_bytes(only_file(self.server.mail / to / "new"), policy=email.policy.default)
            check(found["subject"] == "Größe", f"subject {found['subject']!r}")
            check(found["to"].addresses[0].addr_spec == to, f"to {found['to']!r}")
            (part,) = found.iter_attachments()
            check(part.get_content() == octets, "the attachment differs")
            check(part.get_filename() == file.name, f"file name {part.get_filename()!r}")
            text_part = found.get_body().get_content()
            check(text_part.rstrip("\n") == body.rstrip("\n"), f"text {text_part!r}")
