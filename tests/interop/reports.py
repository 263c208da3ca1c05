"""Delivery status notifications: asked for by `smtp send`, handed on to `smtp serve`."""

import messages
from harness import check, text
from relaying import Relaying, report
from serve import DOMAIN, Serve

FEATURE = "DSN: NOTIFY, ORCPT, RET, ENVID"
REPORTED = "reported.example"
MAILBOXES = ["dsn-to", "dsn-from"]
NAME, FIRST = "order 42+1", "first+1@elsewhere.example"
ENVID, ORCPT = "ENVID=order+2042+2B1", "ORCPT=rfc822;first+2B1@elsewhere.example"


def asked_for(send, decodes=True):
    """Our client asks, the server reports; what it was told comes back, decoded or as it came."""
    with send.table.case(FEATURE, send.peer):
        to, sender = f"dsn-to@{DOMAIN}", f"dsn-from@{DOMAIN}"
        options = ["--dsn-notify", "success,failure", "--dsn-ret", "hdrs", "--envid", NAME, "--orcpt", FIRST]
        said = text(send.send([to], messages.SIMPLE, options, sender=sender))
        check(f"{to}: delivered: 2" in said, said)
        for part in ("RET=HDRS", ENVID, "NOTIFY=SUCCESS,FAILURE", ORCPT):
            check(part in said, f"no {part} in\n{said}")
        send.server.check_delivered(to, messages.SIMPLE)
        name, first = (NAME, FIRST) if decodes else (value(ENVID), value(ORCPT).partition(";")[2])
        told = report(send.server, sender).replace("; ", ";").lower()
        for part in (f"original-envelope-id: {name.lower()}", "action: delivered", f"final-recipient: rfc822;{to}",
                     f"original-recipient: rfc822;{first.lower()}"):
            check(part in told, f"no {part} in\n{told}")


def value(parameter):
    return parameter.partition("=")[2]


def asked_server(place, program, name):
    """A server that offers DSN and takes mail for REPORTED."""
    return Serve(place, program, name, "--no-tls", "--trace", "--offer", "DSN", "--domain", REPORTED)


def handed_on(relaying, asked):
    """The server is asked, and asks our server."""
    to_asked = Relaying(relaying.peer, relaying.server, asked, relaying.table)
    to_asked.relayed(FEATURE, REPORTED, options=["RET=HDRS", ENVID], recipient_options=["NOTIFY=SUCCESS,DELAY", ORCPT],
                     traced=["RET=HDRS", ENVID, "NOTIFY=SUCCESS,DELAY", ORCPT])
