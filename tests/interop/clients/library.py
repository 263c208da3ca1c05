"""Libraries of others: each in a small program of ours, which is told what and where to as JSON."""

import json
import os
import sys

from clients.client import COMMON, LMTP, SENDER, Client, Sent
from harness import run, text
from install import NODE, PROGRAMS, PYTHON, program
from serve import USER


class Library(Client):
    """What is sent with a library."""

    def command(self):
        """The program, and the environment it runs in."""
        raise NotImplementedError

    def send(self, place, target, to, message):
        given = {"port": target.port, "tls": target.tls, "ca": target.ca, "user": USER, "password": target.password,
                 "auth": target.auth, "lmtp": target.lmtp, "hello": "client.example", "sender": SENDER, "to": to,
                 "message": str(place.file(f"{self.name}.eml", message))}
        command, environment = self.command()
        result = run([*command, json.dumps(given)], env={**os.environ, **environment})
        return Sent(result.returncode == 0, text(result))


class Nodemailer(Library):
    """Of Node.js."""

    name = "nodemailer"
    programs = ["node", "nodemailer"]
    features = COMMON | LMTP | {"AUTH CRAM-MD5", "SMTPUTF8"}

    def command(self):
        return [program("node"), PROGRAMS / "nodemailer.cjs"], {"NODE_PATH": str(NODE)}


class Aiosmtplib(Library):
    """Of Python."""

    name = "aiosmtplib"
    programs = ["aiosmtplib"]
    features = COMMON | {"AUTH CRAM-MD5", "SMTPUTF8"}

    def command(self):
        return [sys.executable, PROGRAMS / "aiosmtplib_send.py"], {"PYTHONPATH": str(PYTHON)}
