"""Dovecot's submission: it authenticates our client, speaks to `smtp serve` as its client, and tells it by XCLIENT who
its own client is."""

import smtplib
import ssl

import delivering
from harness import connects, free_ports, wait_for
from install import program as installed
from messages import LARGE, SIMPLE
from peer import MailServer
from peers.dovecot import Dovecot
from sender import Client, Sending
from serve import BY_TOKEN, DOMAIN, MECHANISMS, PASSWORD, USER, Serve
from table import Table, check

NAME = "Dovecot submission"
NEEDS, AS_ROOT = ["dovecot", "dovecot-submission"], True
SOURCE = "127.0.0.79"


class Submission(MailServer):
    """What is accepted is in the Maildir of the server behind it."""

    name = NAME
    line_end = b"\r\n"
    cannot = {
        "AUTH SCRAM-SHA-1-PLUS", "AUTH SCRAM-SHA-256-PLUS",  # from version 2.4 on
        "SMTPUTF8",
    }

    def __init__(self, place, tls, behind):
        super().__init__()
        self.mail = behind.maildir
        self.ports = dict(zip(["all", "implicit"], free_ports(2)))
        self.dovecot = Dovecot(place, "submission", more=f"""
ssl = required
ssl_cert = <{tls[1]}
ssl_key = <{tls[2]}
submission_relay_host = 127.0.0.1
submission_relay_port = {behind.ports["smtp"]}
submission_relay_trusted = yes
submission_max_mail_size = {LARGE + 1_000_000}
service submission-login {{
  inet_listener submission {{
    address = 127.0.0.1
    port = {self.ports["all"]}
  }}
  inet_listener submissions {{
    address = 127.0.0.1
    port = {self.ports["implicit"]}
    ssl = yes
  }}
}}
""")
        wait_for(lambda: connects(("127.0.0.1", self.ports["all"])), NAME)

    def log(self):
        return self.dovecot.log()


def cases(place, program, tls):
    table = Table("smtp send delivers to", [NAME])
    behind = Serve(place, program, "behind", "--no-tls", "--trace", "--xclient", "127.0.0.1", "--domain", DOMAIN)
    server = Submission(place, tls, behind)

    def to(listener, way, *arguments):
        address = f"127.0.0.1:{server.ports[listener]}"
        return Sending(table, server, Client(place, program, address, "--tls", way, "--ca", tls[0], *arguments))

    login = ["--user", USER, "--auth", "SCRAM-SHA-256", "--password", PASSWORD]
    inside = to("implicit", "implicit", *login)
    to("all", "starttls", *login).delivered("STARTTLS", traced=["C: STARTTLS"])
    inside.delivered("implicit TLS", untraced=["C: STARTTLS"])
    for mechanism in MECHANISMS + BY_TOKEN:
        delivering.login(to("all", "starttls"), mechanism)
    to("all", "starttls").refused("AUTH missing", 69, "530 5.7.0 Authentication")
    inside.delivered("PIPELINING", traced=["C: MAIL FROM"], grouped=True)
    inside.delivered("CHUNKING", traced=["C: BDAT "], untraced=["C: DATA"])
    inside.delivered("DATA", arguments=delivering.BY_DATA, traced=["C: DATA"], untraced=["C: BDAT "])
    delivering.content(inside)
    received = Table("smtp serve receives from", [NAME])
    posed(received, server, behind, tls)
    return [table, received]


def posed(table, server, behind, tls):
    """By XCLIENT the server behind knows where the client is and who it is: only who has logged in may write to
    other domains."""
    with table.case("XCLIENT", NAME):
        to = "to@elsewhere.example"
        context = ssl.create_default_context(cafile=tls[0])
        with smtplib.SMTP_SSL("127.0.0.1", server.ports["implicit"], "client.example", timeout=30, context=context,
                              source_address=(SOURCE, 0)) as client:
            client.login(USER, PASSWORD)
            client.sendmail("sender@client.example", [to], SIMPLE)
        behind.check_delivered(to, SIMPLE)
        field = behind.received(to)
        check(f"([{SOURCE}])" in field and "with ESMTPA" in field, field)
