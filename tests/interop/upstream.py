"""On behalf of others: XCLIENT and XFORWARD, with the mail servers that have them."""

import messages
from harness import text, wait_for
from sender import Client, Sending
from serve import Serve
from table import check

# Of networks for documentation: no packet comes from there.
CLIENT, NAME, HELLO = "192.0.2.77", "posed.example", "hello.example"
CLIENT6 = "2001:db8::77"
XCLIENT = ["--xclient", f"NAME={NAME}", f"ADDR={CLIENT}", "PORT=4711", "PROTO=ESMTP", f"HELO={HELLO}"]
SOURCE = "127.0.0.78"
WAY = "forwarding"


def tells(server, place, program, table, listener):
    """What `smtp send` tells a server that trusts it, that server believes: it is in its trace and in its log."""
    send = Sending(table, server, Client(place, program, f"127.0.0.1:{server.ports[listener]}"))
    apart = Sending(table, server, Client(place, program, f"127.0.0.1:{server.ports['all']}"))
    believed(send, "XCLIENT", XCLIENT, [HELLO, f"[{CLIENT}]"], [CLIENT])
    believed(send, "XCLIENT, IPv6", ["--xclient", f"ADDR=IPV6:{CLIENT6}", f"HELO={HELLO}"], [HELLO, CLIENT6], [CLIENT6])
    believed(send, "XCLIENT, LOGIN", [*XCLIENT, "LOGIN=carol"], [f"[{CLIENT}]"], ["sasl_username=carol"])
    believed(send, "XCLIENT, name unavailable", ["--xclient", "NAME=[UNAVAILABLE]", f"ADDR={CLIENT}"],
             [f"unknown [{CLIENT}]"], [f"unknown[{CLIENT}]"])
    believed(send, "XFORWARD", ["--xforward", f"NAME={NAME}", f"ADDR={CLIENT}", "PORT=4711", f"HELO={HELLO}",
                                "PROTO=ESMTP", "IDENT=4711AB", "SOURCE=REMOTE"],
             ["client.example", "[127.0.0.1]"], ["orig_queue_id=4711AB", f"orig_client={NAME}[{CLIENT}]"])
    refused(apart, "XCLIENT, from who may not", XCLIENT, "XCLIENT")
    refused(apart, "XFORWARD, from who may not", ["--xforward", f"ADDR={CLIENT}"], "XFORWARD")


def told_server(place, program, name, domain):
    """A server that lets this host say by XFORWARD whom a message comes from."""
    return Serve(place, program, name, "--no-tls", "--trace", "--xforward", "127.0.0.1", "--domain", domain)


def handed_on(relaying):
    """The server names its client to our server."""
    relaying.relayed("XFORWARD", WAY, source=SOURCE,
                     traced=["C: XFORWARD ", f" ADDR={SOURCE}", " HELO=client.example", " PROTO=ESMTP",
                             f"for {SOURCE} C: MAIL"])


def believed(send, feature, arguments, traced, logged):
    """`traced` is in the Received field on top of the message, `logged` in what the log then has more."""
    if send.lacks(feature):
        return
    with send.table.case(feature, send.server.name):
        to, before = send.server.address(), len(send.server.log())
        said = text(send.client.send([to], messages.SIMPLE, arguments))
        check(f"{to}: delivered: 2" in said, said)
        send.server.check_delivered(to, messages.SIMPLE)
        field = send.server.received(to)
        for part in traced:
            check(part in field, f"no {part!r} in\n{field}\n{said}")
        for part in logged:
            wait_for(lambda part=part: part in send.server.log()[before:],
                     f"{part!r} in the log:\n{send.server.log()[before:]}", 5)


def refused(send, feature, arguments, keyword):
    """Where it is not offered nothing is sent, and the extension is named."""
    send.refused(feature, 69, keyword, arguments=arguments)
