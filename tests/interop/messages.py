"""The messages that are sent, as octets with CRLF, and what is compared of the delivered ones."""

import random
import re

LARGE = 25 * 1024 * 1024

HEADER = (
    b"From: Alice <alice@example.org>\r\n"
    b"To: Bob <bob@example.org>\r\n"
    b"Date: Mon, 05 Jan 2026 12:00:00 +0000\r\n"
    b"Message-ID: <1@client.example>\r\n"
    b"Subject: interoperability\r\n"
)

SIMPLE = HEADER + b"\r\nHello.\r\n\r\nTwo paragraphs.\r\n"

# Every way in which a line can begin with dots, first and last lines of the body among them.
DOTS = HEADER + b"\r\n.\r\n..\r\n...\r\n.a\r\n..b\r\n\r\n.\r\n\r\n. \r\na.\r\n.QUIT\r\n"

# What must never be taken for commands.
COMMANDS = HEADER + b"\r\nRSET\r\nMAIL FROM:<sender@client.example>\r\nNOOP\r\n"

# UTF-8, ISO 8859-1 and octets that are neither.
EIGHT_BIT = (
    HEADER
    + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    + b"Content-Transfer-Encoding: 8bit\r\n\r\n"
    + "Grüße, \u03b4\u03bf\u03ba\u03b9\u03bc\u03ae, 試験 \U0001f4e8\r\n".encode()
    + b"latin: \xe9\xff\xfe\x80\x85\r\n"
)

NO_BODY = HEADER + b"\r\n"

# Lines of 998 octets, the longest that there may be; one that begins with a dot; blank ends of lines.
LONG_LINES = HEADER + b"\r\n" + b"x" * 998 + b"\r\n." + b"y" * 997 + b"\r\ntrailing \t \r\n \r\n\t\r\n\r\n\r\n"

UTF8_HEADER = (
    "From: Ällice <\u03b4\u03bf\u03ba\u03b9\u03bc\u03ae@example.org>\r\n"
    "Date: Mon, 05 Jan 2026 12:00:00 +0000\r\n"
    "Message-ID: <2@client.example>\r\n"
    "Subject: Grüße\r\n"
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\nÜnïcode\r\n"
).encode()


def large(octets):
    """A message of this many octets; one line in sixteen begins with a dot."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    noise = random.Random(5321).randbytes(76 * 997).translate(bytes(letters[i % 64] for i in range(256)))
    lines = [noise[at:at + 76] for at in range(0, len(noise), 76)]
    lines = [b"." + line[1:] if n % 16 == 0 else line for n, line in enumerate(lines)]
    block = b"\r\n".join(lines) + b"\r\n"
    start = HEADER + b"\r\n"
    body = (block * ((octets - len(start)) // len(block) + 1))[:octets - len(start)]
    # What the cut has left of the last two lines becomes one.
    end = body[body.rindex(b"\n", 0, len(body) - 78) + 1:]
    return start + body[:-len(end)] + end.replace(b"\r", b"-").replace(b"\n", b"-")[:-2] + b"\r\n"


TRACE = re.compile(rb"(?:return-path|received|authentication-results|x-original-to|delivered-to):", re.IGNORECASE)


def without_trace(octets):
    """The message below the fields that were put on top of it."""
    at = 0
    while TRACE.match(octets, at):
        at = octets.index(b"\n", at) + 1
        while octets[at:at + 1] in (b" ", b"\t"):
            at = octets.index(b"\n", at) + 1
    return octets[at:]


def received(octets):
    """The topmost Received field of a message, in one line."""
    fields = octets.split(b"\r\n\r\n")[0].decode(errors="replace")
    fields = fields.replace("\r\n\t", " ").replace("\r\n ", " ")
    return next(field for field in fields.split("\r\n") if field.startswith("Received: "))


def difference(expected, found):
    """Nothing if both are the same, else where they first differ."""
    if expected == found:
        return None
    pairs = enumerate(zip(expected, found))
    at = next((n for n, (a, b) in pairs if a != b), min(len(expected), len(found)))
    near = slice(max(0, at - 30), at + 30)
    return (f"{len(expected)} octets expected, {len(found)} found; from octet {at} on: "
            f"expected {expected[near]!r}, found {found[near]!r}")
