"""On behalf of others: XCLIENT, XFORWARD and the PROXY protocol, with the mail servers that have them."""

from sender import UNAVAILABLE, Client, Sending
from serve import USER, Serve

# Of networks for documentation: no packet comes from there.
CLIENT, NAME, HELLO = "192.0.2.77", "posed.example", "hello.example"
CLIENT6 = "2001:db8::77"
XCLIENT = ["--xclient", f"NAME={NAME}", f"ADDR={CLIENT}", "PROTO=ESMTP", f"HELO={HELLO}"]
XFORWARD = ["--xforward", f"NAME={NAME}", f"ADDR={CLIENT}", "PORT=4711", f"HELO={HELLO}", "PROTO=ESMTP", "IDENT=4711AB",
            "SOURCE=REMOTE"]
SOURCE = "127.0.0.78"
WAY = "forwarding"


def tells(server, place, program, table):
    """What `smtp send` tells a server that trusts it, that server believes: it is in its trace, and in the log of one
    that keeps a log of that."""
    def to(listener):
        return Sending(table, server, Client(place, program, f"127.0.0.1:{server.ports.get(listener)}"))

    def believed(send, feature, arguments, received, logged):
        send.delivered(feature, arguments=arguments, received=received, logged=logged if server.logs_clients else ())

    send, apart, proxied = to("trusting"), to("all"), to("proxied")
    believed(send, "XCLIENT", XCLIENT, [HELLO, f"[{CLIENT}]"], [CLIENT])
    believed(send, "XCLIENT, port", [*XCLIENT, "PORT=4711"], [HELLO, f"[{CLIENT}]"], [CLIENT])
    believed(send, "XCLIENT, IPv6", ["--xclient", f"ADDR=IPV6:{CLIENT6}", f"HELO={HELLO}"], [HELLO, CLIENT6], [CLIENT6])
    believed(send, "XCLIENT, LOGIN", [*XCLIENT, f"LOGIN={USER}"], [f"[{CLIENT}]"], [f"sasl_username={USER}"])
    believed(send, "XCLIENT, name unavailable", ["--xclient", "NAME=[UNAVAILABLE]", f"ADDR={CLIENT}"], [f"[{CLIENT}]"],
             [f"unknown[{CLIENT}]"])
    # A server with a log has it there, one without takes this client for the other.
    trace = ["client.example"] if server.logs_clients else [HELLO, NAME, CLIENT]
    believed(send, "XFORWARD", XFORWARD, trace, ["orig_queue_id=4711AB", f"orig_client={NAME}[{CLIENT}]"])
    apart.refused("XCLIENT, from who may not", UNAVAILABLE, "XCLIENT", arguments=XCLIENT)
    apart.refused("XFORWARD, from who may not", UNAVAILABLE, "XFORWARD", arguments=XFORWARD)
    for version in ("v1", "v2"):
        for detail, address, port in (("", CLIENT, f"{CLIENT}:4711"), (", IPv6", CLIENT6, f"[{CLIENT6}]:4711")):
            believed(proxied, f"PROXY {version}{detail}", ["--proxy-protocol", version, "--proxy-source", port],
                     [address], [address])


def told_server(place, program, name, domain):
    """A server that lets this host say by XFORWARD whom a message comes from."""
    return Serve(place, program, name, "--no-tls", "--trace", "--xforward", "127.0.0.1", "--domain", domain)


def handed_on(relaying):
    """The server names its client to our server."""
    relaying.relayed("XFORWARD", WAY, source=SOURCE,
                     traced=["C: XFORWARD ", f" ADDR={SOURCE}", " HELO=client.example", " PROTO=ESMTP",
                             f"for {SOURCE} C: MAIL"])
