"""Servers of others that are libraries: each in a small program of ours that stores what it receives."""

import json
import os
import subprocess
import sys

import delivering
import messages
import upstream
from delivering import FEW, LIMIT
from harness import free_ports
from install import NODE, PROGRAMS, PYTHON, program as installed
from messages import LARGE
from peer import MAILBOXES, MailServer
from sender import PERMISSION, UNAVAILABLE, Client, Sending
from serve import DOMAIN, MECHANISMS, PASSWORD, TOKEN, USER
from table import Failure, Table


class Library(MailServer):
    """A running program; it is told all that it has to know as JSON."""

    line_end = b"\r\n"
    listeners = ()

    def __init__(self, place, tls):
        super().__init__()
        here = place.directory / self.name
        self.mail, self.log_file = here / "mail", here / "log"
        self.mail.mkdir(parents=True)
        self.ports = dict(zip(self.listeners, free_ports(len(self.listeners))))
        given = {"ports": self.ports, "certificate": str(tls[1]), "key": str(tls[2]), "mail": str(self.mail),
                 "domain": DOMAIN, "mailboxes": MAILBOXES, "user": USER, "password": PASSWORD,
                 "token": TOKEN, "limit": LIMIT, "few": FEW, "large": LARGE + 1_000_000}
        command, environment = self.command()
        with open(self.log_file, "wb") as log:
            process = place.start([*map(str, command), json.dumps(given)], stdout=subprocess.PIPE, stderr=log,
                                  env={**os.environ, **environment})
        if process.stdout.readline() != b"ready\n":
            raise Failure(f"{self.name} did not start:\n{self.log()}")

    def command(self):
        """The program, and the environment it runs in."""
        raise NotImplementedError

    def cases(self, place, program, tls):
        return all_cases(self, place, program, tls)

    def log(self):
        return self.log_file.read_text(errors="backslashreplace")


class Aiosmtpd(Library):
    """Of Python."""

    name = "aiosmtpd"
    needs = ["aiosmtpd"]
    listeners = ["all", "bare", "implicit", "small", "proxied", "lmtp"]
    cannot = {
        "PIPELINING", "CHUNKING", "DSN", "XCLIENT", "XFORWARD", "REQUIRETLS",
        "AUTH CRAM-MD5", "AUTH SCRAM-SHA-1", "AUTH SCRAM-SHA-256", "AUTH SCRAM-SHA-1-PLUS", "AUTH SCRAM-SHA-256-PLUS",
        "AUTH OAUTHBEARER", "AUTH XOAUTH2",
    }

    def command(self):
        return [sys.executable, PROGRAMS / "aiosmtpd_serve.py"], {"PYTHONPATH": str(PYTHON)}


class SmtpServer(Library):
    """Of Node.js, from those who make nodemailer."""

    name = "smtp-server"
    needs = ["node", "smtp-server"]
    listeners = ["all", "bare", "implicit", "small", "few", "trusting", "proxied", "lmtp"]
    cannot = {
        "CHUNKING", "DSN, reported",  # it takes what is asked for, but sends no reports
        "PROXY v2",
        "AUTH SCRAM-SHA-1", "AUTH SCRAM-SHA-256", "AUTH SCRAM-SHA-1-PLUS", "AUTH SCRAM-SHA-256-PLUS",
        "AUTH OAUTHBEARER",
    }

    def command(self):
        return [installed("node"), PROGRAMS / "smtp-server.cjs"], {"NODE_PATH": str(NODE)}


class GnuSasl(Library):
    """Of C; what it says of TLS comes from OpenSSL."""

    name = "GNU SASL"
    needs = ["gsasl", "pyOpenSSL"]
    listeners = ["all", "implicit", "elsewhere"]

    def command(self):
        return [sys.executable, PROGRAMS / "gsasl_serve.py"], {"PYTHONPATH": str(PYTHON)}

    def cases(self, place, program, tls):
        """It only logs in: the rest is ours."""
        table = Table("smtp send delivers to", [self.name])

        def to(listener, how):
            client = Client(place, program, f"127.0.0.1:{self.ports[listener]}", "--tls", how, "--ca", tls[0])
            return Sending(table, self, client)

        for mechanism in MECHANISMS:
            delivering.login(to("all", "starttls"), mechanism)
            delivering.login(to("implicit", "implicit"), mechanism, ", inside TLS")
            if mechanism.endswith("-PLUS"):
                how = ["--user", USER, "--auth", mechanism, "--password", PASSWORD]
                to("elsewhere", "implicit").refused(f"AUTH {mechanism}, somebody in between", PERMISSION, "535",
                                                    arguments=how)
        return table


LIBRARIES = [Aiosmtpd, SmtpServer, GnuSasl]


def cases(place, program, tls, kind):
    return kind(place, tls).cases(place, program, tls)


def all_cases(server, place, program, tls):
    table = delivering.cases(place, program, tls, server)
    upstream.tells(server, place, program, table)

    def to(listener, *arguments):
        address = f"127.0.0.1:{server.ports.get(listener)}"
        return Sending(table, server, Client(place, program, address, *arguments))

    lmtp = to("lmtp", "--lmtp")
    lmtp.delivered("LMTP, on TCP", traced=["C: LHLO "])
    lmtp.delivered("LMTP, leading dots", messages.DOTS)
    lmtp.several("LMTP, some recipients unknown", 3, 2)
    secure = ["--require-tls", "--ca", tls[0]]
    inside = to("implicit", "--tls", "implicit")
    to("all", "--tls", "starttls").delivered("REQUIRETLS", arguments=secure, traced=["REQUIRETLS"],
                                             received=['"requireTLS":true'])
    to("bare").refused("REQUIRETLS, no TLS", UNAVAILABLE, "STARTTLS", arguments=secure)
    wishes = ["--dsn-notify", "success,delay", "--dsn-ret", "full", "--envid", "x+y"]
    to("all").delivered("DSN, handed over", arguments=wishes, received=['"ret":"FULL"', '"envid":"x+y"'],
                        traced=["RET=FULL", "ENVID=x+2By", "NOTIFY=SUCCESS,DELAY"])
    return table
