"""Libraries of others: each in a small program of ours, which is told what and where to as JSON."""

import json
import os
import sys

from clients.client import COMMON, LMTP, SENDER, Client, Sent
from harness import run, text
from install import NODE, PROGRAMS, PYTHON, program
from serve import USER


class Library(Client):
    """What is sent with a library. Some put a line end behind whatever is at the end of a message."""

    adds_line_end = False

    def command(self):
        """The program, and the environment it runs in."""
        raise NotImplementedError

    def send(self, place, target, to, message):
        given = {"port": target.port, "tls": target.tls, "ca": target.ca, "user": USER, "password": target.password,
                 "auth": target.auth, "lmtp": target.lmtp, "hello": "client.example", "sender": SENDER, "to": to,
                 "message": str(place.file(f"{self.name}.eml", message[:-2] if self.adds_line_end else message))}
        command, environment = self.command()
        result = run([*command, json.dumps(given)], env={**os.environ, **environment})
        return Sent(result.returncode == 0, text(result))


class Nodemailer(Library):
    """Of Node.js."""

    name = "nodemailer"
    programs = ["node", "nodemailer"]
    features = COMMON | LMTP | {"AUTH CRAM-MD5", "AUTH XOAUTH2", "SMTPUTF8"}

    def command(self):
        return [program("node"), PROGRAMS / "nodemailer.cjs"], {"NODE_PATH": str(NODE)}


class Aiosmtplib(Library):
    """Of Python."""

    name = "aiosmtplib"
    programs = ["aiosmtplib"]
    features = COMMON | {"AUTH CRAM-MD5", "AUTH XOAUTH2", "SMTPUTF8"}

    def command(self):
        return [sys.executable, PROGRAMS / "aiosmtplib_send.py"], {"PYTHONPATH": str(PYTHON)}


class Lettre(Library):
    """A crate."""

    name = "lettre"
    programs = ["lettre"]
    adds_line_end = True
    # One refused recipient makes it give up the whole message.
    features = (COMMON | {"AUTH XOAUTH2", "SMTPUTF8"}) - {"one of three refused"}
    cannot = {"AUTH XOAUTH2, wrong password"}  # it does not know the challenge that tells why

    def command(self):
        return [program("lettre")], {}


class MailSend(Library):
    """A crate."""

    name = "mail-send"
    programs = ["mail-send"]
    adds_line_end = True
    # One refused recipient makes it give up the whole message.
    features = (COMMON | {"AUTH CRAM-MD5", "AUTH OAUTHBEARER", "AUTH XOAUTH2", "SMTPUTF8", "LMTP, on TCP"}
                ) - {"one of three refused"}

    def command(self):
        return [program("mail-send")], {}
