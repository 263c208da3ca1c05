"""`smtp serve` behind HAProxy, which tells it by the PROXY protocol who its client is.

The clients come from 127.0.0.77 and ::1, HAProxy from 127.0.0.1, so that a Received field shows whether what
HAProxy has said was believed. HAProxy itself knocks as well (PROXY UNKNOWN, LOCAL) and says whether it
thinks that the server is well.
"""

import csv
import io
import smtplib
import socket
import ssl

from harness import connects, free_ports, wait_for
from install import program as installed
from messages import SIMPLE
from serve import DOMAIN, Serve
from table import Table, check

NAME, NEEDS = "HAProxy", ["haproxy"]
IPV4, IPV6 = "127.0.0.77", "::1"
# What is added to the line of the server, and to that of the frontend.
VERSIONS = {
    "v1": ("send-proxy", ""),
    "v2": ("send-proxy-v2", ""),
    "v2-tlvs": ("send-proxy-v2 proxy-v2-options crc32c,unique-id,authority,ssl,cert-cn",
                "unique-id-format %{+X}o%ci:%cp_%fi:%fp"),
}


class HAProxy:
    """An own instance: a frontend and a server for each version of the header."""

    def __init__(self, place, tls, behind, behind_tls):
        here = place.directory / "haproxy"
        here.mkdir()
        self.state = str(here / "state.sock")
        (here / "both.pem").write_bytes(tls[1].read_bytes() + tls[2].read_bytes())
        names = [*VERSIONS, "implicit", "terminated"]
        self.ports = dict(zip(names, free_ports(len(names))))
        sections = "".join(self.section(name, behind.ports["smtp"], *VERSIONS[name]) for name in VERSIONS)
        sections += self.section("implicit", behind_tls.ports["smtps"], VERSIONS["v2"][0], "", checks="")
        sections += self.section("terminated", behind.ports["smtp"], *VERSIONS["v2-tlvs"],
                                 bind=f"ssl crt {here}/both.pem")
        config = place.file("haproxy/haproxy.cfg", f"""
global
  stats socket {self.state} mode 600 level user
  log stderr local0
defaults
  mode tcp
  option smtpchk EHLO haproxy.example
  timeout connect 5s
  timeout client 30s
  timeout server 30s
{sections}""")
        log = open(here / "log", "wb")
        place.start([installed("haproxy"), "-db", "-f", str(config)], stdout=log, stderr=log)
        wait_for(lambda: connects(("127.0.0.1", self.ports["v1"])), NAME)

    def section(self, name, port, header, unique, checks="check inter 100ms", bind=""):
        binds = "".join(f"  bind {address}:{self.ports[name]} {bind}\n"
                        for address in ["127.0.0.1", *(["[::1]"] if has_ipv6() else [])])
        return f"""
listen {name}
{binds}  {unique}
  server it 127.0.0.1:{port} {header} {checks}
"""

    def check_of(self, name):
        """What HAProxy's last check of a server came to: L7OK, L7TOUT, L4CON and so on."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(self.state)
            client.sendall(b"show stat\n")
            said = client.makefile("r").read()
        rows = csv.DictReader(io.StringIO(said.removeprefix("# ")))
        # While the next one is under way there is a star in front.
        return next(row["check_status"].removeprefix("* ")
                    for row in rows if (row["pxname"], row["svname"]) == (name, "it"))


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as there:
            there.bind((IPV6, 0))
            return True
    except OSError:
        return False


def cases(place, program, tls):
    table = Table("smtp serve receives from", [NAME])
    options = ["--tls-cert", tls[1], "--tls-key", tls[2], "--domain", DOMAIN, "--proxy-protocol"]
    behind = Serve(place, program, "behind", *options)
    behind_tls = Serve(place, program, "behind-tls", *options, listeners=("listen-tls",))
    proxy = HAProxy(place, tls, behind, behind_tls)
    context = ssl.create_default_context(cafile=tls[0])

    def arrives(feature, name, client, server=behind, message=SIMPLE, starttls=False, implicit=False):
        with table.case(feature, NAME):
            to = f"{feature.replace(' ', '-').replace(',', '').lower()}@{DOMAIN}"
            host = "::1" if client == IPV6 else "127.0.0.1"
            options = {"timeout": 20, "source_address": (client, 0), "local_hostname": "client.example"}
            kind = smtplib.SMTP
            if implicit:
                kind, options["context"] = smtplib.SMTP_SSL, context
            with kind(host, proxy.ports[name], **options) as session:
                if starttls:
                    session.starttls(context=context)
                session.sendmail("sender@client.example", [to], message)
            server.check_delivered(to, message)
            field = server.received(to)
            address = f"[IPv6:{client}]" if client == IPV6 else f"[{client}]"
            check(f"from client.example ({address})" in field, f"no {address}: {field}")

    for version in ("v1", "v2"):
        arrives(f"PROXY {version}", version, IPV4)
        if has_ipv6():
            arrives(f"PROXY {version}, IPv6", version, IPV6)
        arrives(f"PROXY {version}, STARTTLS", version, IPV4, starttls=True)
        with table.case(f"PROXY {version}, health check", NAME):
            wait_for(lambda: proxy.check_of(version) == "L7OK", f"a good check after {proxy.check_of(version)}")
    arrives("PROXY v2 with TLVs", "v2-tlvs", IPV4)
    arrives("PROXY v2, implicit TLS", "implicit", IPV4, behind_tls, implicit=True)
    arrives("PROXY v2, TLS ends at the proxy", "terminated", IPV4, implicit=True)
    for said, begin in (("EHLO", b"EHLO client.example\r\n"), ("TLS", b"\x16"),
                        ("broken header", b"PROXY TCP4 127.0.0.77 somewhere 1 25\r\nEHLO client.example\r\n")):
        with table.case(f"no PROXY but {said}: dropped", NAME):
            with socket.create_connection(("127.0.0.1", behind.ports["smtp"]), 20) as client:
                client.sendall(begin)
                check(ended(client) == b"", "an answer without a header")
    return table


def ended(client):
    """All octets until the peer ends the connection, by whatever means."""
    octets = b""
    try:
        while read := client.recv(4096):
            octets += read
    except ConnectionResetError:
        pass
    return octets
