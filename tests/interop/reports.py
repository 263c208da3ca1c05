"""Delivery status notifications: asked for by `smtp send`, handed on to `smtp serve`."""

import email
import email.policy

import messages
from harness import only_file, text
from serve import Serve
from table import check

FEATURE = "DSN"
WAY = "reported"
NAME, FIRST = "order 42+1", "first+1@elsewhere.example"
ENVID, ORCPT = "ENVID=order+2042+2B1", "ORCPT=rfc822;first+2B1@elsewhere.example"


def asked_for(send):
    """Our client asks, the server reports; what it was told comes back, decoded or as it came."""
    feature = f"{FEATURE}, reported"
    if send.lacks(feature):
        return
    with send.table.case(feature, send.server.name):
        to, sender = send.server.address(), send.server.address()
        options = ["--dsn-notify", "success,failure", "--dsn-ret", "hdrs", "--envid", NAME, "--orcpt", FIRST]
        said = text(send.client.send([to], messages.SIMPLE, options, sender=sender))
        check(f"{to}: delivered: 2" in said, said)
        for part in ("RET=HDRS", ENVID, "NOTIFY=SUCCESS,FAILURE", ORCPT):
            check(part in said, f"no {part} in\n{said}")
        send.server.check_delivered(to, messages.SIMPLE)
        told = report(send.server, sender).replace("; ", ";").lower()
        for part in (f"original-envelope-id: {NAME}", f"final-recipient: rfc822;{to}",
                     f"original-recipient: rfc822;{FIRST}"):
            # Some repeat name and address in the encoding in which they came.
            encoded = part.replace("+", "+2b").replace(" 42", "+2042")
            check(part in told or encoded in told, f"no {part} in\n{told}")
        # LMTP behind a server counts as another server.
        check("action: delivered" in told or "action: relayed" in told, told)


def report(server, address):
    """The delivery status of the one report, RFC 3464, that this address gets."""
    found = email.message_from_bytes(only_file(server.mail / address / "new"), policy=email.policy.default)
    parts = [part for part in found.walk() if part.get_content_type() == "message/delivery-status"]
    check(len(parts) == 1, f"{found.get_content_type()} without a delivery status")
    return "\n".join(str(fields) for fields in parts[0].get_payload())


def words(server, address):
    """All of that report, in one line."""
    return " ".join(only_file(server.mail / address / "new").decode(errors="backslashreplace").split())


def asked_server(place, program, name, domain):
    """A server that offers DSN."""
    return Serve(place, program, name, "--no-tls", "--trace", "--offer", "DSN", "--domain", domain)


def handed_on(relaying):
    """The server is asked, and asks our server."""
    relaying.relayed(FEATURE, WAY, options=["RET=HDRS", ENVID], recipient_options=["NOTIFY=SUCCESS,DELAY", ORCPT],
                     traced=["RET=HDRS", ENVID, "NOTIFY=SUCCESS,DELAY", ORCPT])
