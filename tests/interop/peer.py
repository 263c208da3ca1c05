"""A mail server of others, as the cases see it."""

from harness import only_file
from messages import difference, received, without_trace
from serve import DOMAIN
from table import Failure, check

# Each message goes to a mailbox of its own, so that no case sees the mail of another.
UTF8_MAILBOX = "δοκιμή"
ORDINARY = [f"to-{n}" for n in range(120)]
MAILBOXES = [*ORDINARY, UTF8_MAILBOX, "sender", "postmaster"]


class MailServer:
    """What a server of others has that was started for the cases: `ports` by what is different there, `mail`
    with a Maildir for each address, `cannot` with the features that it lacks: "takes X" those that it
    lacks as a server, "relays X" as a client."""

    name = None
    cannot = frozenset()
    line_end = b"\n"
    logs_clients = False  # whom a message comes from

    def __init__(self):
        self.ports, self.mail = {}, None
        self.unused = iter(ORDINARY)

    def address(self):
        """That of a mailbox that is still empty."""
        return f"{next(self.unused)}@{DOMAIN}"

    def lacks(self, feature):
        return feature in self.cannot or feature.partition(",")[0] in self.cannot

    def log(self):
        return ""

    def check_delivered(self, address, message):
        try:
            found = only_file(self.mail / address / "new")
        except Failure as failure:
            raise Failure(f"{failure}; the end of the log of {self.name}:\n{self.log()[-2000:]}") from failure
        differs = difference(message, without_trace(found.replace(self.line_end, b"\r\n")))
        check(differs is None, differs)

    def received(self, address):
        """The topmost Received field of the one message that the address has got, in one line."""
        return received(only_file(self.mail / address / "new").replace(self.line_end, b"\r\n"))

    def check_nothing(self, address):
        folder = self.mail / address / "new"
        check(not folder.is_dir() or not list(folder.iterdir()), f"something was delivered to {address}")
