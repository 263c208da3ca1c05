"""What `smtp send` delivers to each server of others."""

import messages
import reports
from messages import LARGE
from peer import UTF8_MAILBOX
from sender import PERMISSION, UNAVAILABLE, Client, Sending
from serve import BY_TOKEN, DOMAIN, MECHANISMS, PASSWORD, TOKEN, USER
from table import Table

LIMIT, FEW = 100_000, 2
NOBODY = f"nobody@{DOMAIN}"
# A server listens in these ways: with all it has; without extensions; inside TLS; with LIMIT. Some also with FEW recipients.
LISTENERS = ["all", "bare", "implicit", "small"]
BY_DATA = ["--chunking", "never"]


def cases(place, program, tls, server):
    table = Table("smtp send delivers to", [server.name])

    def to(listener, *arguments):
        address = f"127.0.0.1:{server.ports.get(listener)}"
        return Sending(table, server, Client(place, program, address, *arguments))

    plain, bare = to("all"), to("bare")
    starttls = to("all", "--tls", "starttls", "--ca", tls[0])
    plain.delivered("plain")
    plain.delivered("PIPELINING", traced=["C: MAIL FROM"], grouped=True)
    plain.delivered("CHUNKING", traced=["C: BDAT "], untraced=["C: DATA"])
    ahead(plain)
    plain.delivered("DATA", arguments=BY_DATA, traced=["C: DATA"], untraced=["C: BDAT "])
    plain.delivered("DATA, one command at a time", arguments=[*BY_DATA, "--pipelining", "never"], grouped=False)
    bare.delivered("no extension", untraced=["C: BDAT "], grouped=False)
    bare.delivered("no extension, not even SIZE", untraced=["C: BDAT ", "SIZE="], grouped=False)
    starttls.delivered("STARTTLS", traced=["C: STARTTLS"])
    to("all", "--tls", "starttls").refused("STARTTLS, certificate not trusted", UNAVAILABLE, "certificate")
    to("implicit", "--tls", "implicit", "--ca", tls[0]).delivered("implicit TLS", untraced=["C: STARTTLS"])
    for mechanism in MECHANISMS + BY_TOKEN:
        login(starttls, mechanism)
    content(plain)
    plain.refused("unknown recipient", UNAVAILABLE, f"{NOBODY}: rejected at RCPT: 550 ", to=NOBODY)
    plain.several("some recipients unknown", 2, 1)
    if "few" in server.ports:
        to("few").split("too many recipients", 5, FEW, traced=["S: 452 "])
    to("small").refused("too large", UNAVAILABLE, "552", messages.large(LIMIT + 1))
    plain.delivered("SMTPUTF8, address", to=f"{UTF8_MAILBOX}@{DOMAIN}", traced=["SMTPUTF8"])
    plain.delivered("SMTPUTF8, header", message=messages.UTF8_HEADER, traced=["SMTPUTF8"])
    bare.refused("8-bit content, 8BITMIME not offered", UNAVAILABLE, "8BITMIME", messages.EIGHT_BIT)
    bare.attachment("attachment, no extension")
    reports.asked_for(plain)
    return table


def ahead(send):
    """A small message goes in one flight with its envelope, a larger one does not. What is for nobody is forgotten: none
    of its lines is taken for a command."""
    send.delivered("CHUNKING, in one flight with the envelope", ahead=True)
    send.delivered("CHUNKING, behind the replies", messages.large(LIMIT), ahead=False)
    send.refused("CHUNKING, in one flight to nobody", UNAVAILABLE, f"{NOBODY}: rejected at RCPT: 550 ",
                 messages.COMMANDS, to=NOBODY, traced=["C: BDAT ", "C: RSET", "S: 250", "C: QUIT", "S: 221"])


def content(send, before=""):
    send.delivered(f"{before}8-bit content", messages.EIGHT_BIT, traced=["BODY=8BITMIME"])
    send.delivered(f"{before}leading dots", messages.DOTS)
    send.delivered(f"{before}25 MiB", messages.large(LARGE))
    if not send.server.lacks("CHUNKING"):
        send.delivered(f"{before}8-bit content, by DATA", messages.EIGHT_BIT, arguments=BY_DATA)
        send.delivered(f"{before}leading dots, by DATA", messages.DOTS, arguments=BY_DATA)
        send.delivered(f"{before}25 MiB, by DATA", messages.large(LARGE), arguments=BY_DATA)
    send.delivered(f"{before}no body", messages.NO_BODY)
    send.delivered(f"{before}long lines", messages.LONG_LINES)
    send.delivered(f"{before}lines that end with LF", messages.DOTS, unix_lines=True)
    send.delivered(f"{before}null reverse-path", sender="")
    send.attachment(f"{before}attachment")


def login(send, mechanism, detail=""):
    """The right password or token is taken, and a wrong one is not."""
    secret, kind = (TOKEN, "--token") if mechanism in BY_TOKEN else (PASSWORD, "--password")
    how = ["--user", USER, "--auth", mechanism, kind]
    # PLUS is chosen by itself, by the name without it, where both sides have it.
    send.delivered(f"AUTH {mechanism}{detail}", arguments=[*how, secret], traced=[f"C: AUTH {mechanism}", "S: 235"],
                   untraced=[secret])
    send.refused(f"AUTH {mechanism}{detail}, wrong password", PERMISSION, "535", arguments=[*how, "wrong"])
