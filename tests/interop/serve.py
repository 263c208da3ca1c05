"""`smtp serve`, as the cases start it."""

import signal
import subprocess

from harness import only_file
from messages import difference, received, without_trace
from table import Failure, check

USER, PASSWORD = "alice", "correct horse"
TOKEN = "bearer.token-1~2"
DOMAIN = "example.org"
MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]
# What both programs of ours are told of the runtime.
RUNTIME = []
BY_TOKEN = ["OAUTHBEARER", "XOAUTH2"]


class Serve:
    """A running server with a listener of each kind and its own Maildir."""

    def __init__(self, place, program, name, *arguments, listeners=("listen",)):
        self.maildir = place.directory / name / "mail"
        self.maildir.parent.mkdir()
        self.unix = str(place.directory / name / "lmtp.sock")
        command = [program, "serve", "--hostname", "mx.example.org"]
        command += [] if "--maildir" in arguments else ["--maildir", self.maildir]
        for listener in listeners:
            address = f"unix:{self.unix}" if listener == "unix" else "127.0.0.1:0"
            command += ["--listen-lmtp" if listener == "unix" else f"--{listener}", address]
        self.log = place.directory / name / "log"
        with open(self.log, "wb") as log:
            self.process = place.start([str(word) for word in [*command, *RUNTIME, *arguments]], stdout=subprocess.PIPE,
                                       stderr=log)
        self.ports = {}
        for _ in listeners:
            line = self.process.stdout.readline().decode().split()
            if len(line) != 3 or line[0] != "listening":
                raise Failure(f"smtp serve said {line}")
            if not line[2].startswith("unix:"):
                self.ports[line[1]] = int(line[2].rpartition(":")[2])

    def check_delivered(self, address, message, seconds=5):
        """The address has got this message and no other."""
        found = only_file(self.folder(address), seconds)
        check(found.startswith(b"Return-Path: <"), f"no Return-Path on top: {found[:80]!r}")
        check(b"\r\nReceived: from " in found[:400], f"no Received below it: {found[:400]!r}")
        differs = difference(message, without_trace(found))
        check(differs is None, differs)

    def received(self, address):
        """The Received field of the one message that the address has got, in one line."""
        return received(only_file(self.folder(address)))

    def trace(self):
        """All that was said until now, if the server was started with --trace."""
        return self.log.read_text(errors="backslashreplace")

    def check_nothing(self, address):
        folder = self.folder(address)
        check(not folder.is_dir() or not list(folder.iterdir()), f"something was delivered to {address}")

    def folder(self, address):
        """Octets outside ASCII are spelt %XX in the name of a Maildir."""
        name = "".join(chr(o) if o < 0x80 else f"%{o:02X}" for o in address.encode())
        return self.maildir / name / "new"

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self, seconds=10):
        return self.process.wait(seconds)
