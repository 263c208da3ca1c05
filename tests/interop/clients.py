"""Clients of others, each behind the same call.

`send` returns a `Sent`: whether the client holds the message for delivered, and all it said. What a client
cannot do is not in its `features`: a feature, or all of its ways by what is before the comma.
"""

import dataclasses
import os
import smtplib
import ssl
import typing

from harness import run, text
from serve import PASSWORD, USER

SENDER = "sender@client.example"


@dataclasses.dataclass
class Target:
    """Where and how to send. `port` is a number, or the path of a Unix socket."""

    port: typing.Union[int, str]
    ca: str
    tls: typing.Optional[str] = None  # "starttls", "implicit"
    auth: typing.Optional[str] = None  # one of MECHANISMS
    password: str = PASSWORD
    lmtp: bool = False
    pipelining: bool = False


@dataclasses.dataclass
class Sent:
    accepted: bool
    said: str


MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]
COMMON = {"plain", "STARTTLS", "implicit TLS", "AUTH PLAIN", "AUTH LOGIN", "relay refused", "one of three refused",
          "8-bit content", "leading dots", "no body", "long lines", "25 MiB", "too large"}
LMTP = {"LMTP, on TCP", "LMTP, on a Unix socket"}


class Client:
    """`programs` are those that it needs, as `install.py` knows them."""

    name = None
    programs = ()
    features = frozenset()
    delivers = True  # and not only logs in

    def send(self, place, target, to, message):
        raise NotImplementedError


class Swaks(Client):
    name = "swaks"
    programs = ["swaks"]
    # Behind a header without a body it adds a blank line of its own.
    features = (COMMON | {"LMTP", "PIPELINING", "AUTH CRAM-MD5"}) - {"no body"}

    def send(self, place, target, to, message):
        # Given a file, it adds a line end to whatever is at the end of it.
        data = place.file("swaks.eml", message[:-2])
        command = ["swaks", "--helo", "client.example", "--from", SENDER, "--to", ",".join(to), "--timeout", "30",
                   "--data", f"@{data}", "--suppress-data", "--protocol", "LMTP" if target.lmtp else "ESMTP"]
        if isinstance(target.port, str):
            command += ["--socket", target.port]
        else:
            command += ["--server", "127.0.0.1", "--port", target.port]
        if target.tls:
            command += ["--tls" if target.tls == "starttls" else "--tls-on-connect", "--tls-verify",
                        "--tls-ca-path", target.ca]
        if target.auth:
            command += ["--auth", target.auth, "--auth-user", USER, "--auth-password", target.password]
        if target.pipelining:
            command.append("--pipeline")
        result = run(command)
        return Sent(result.returncode == 0, text(result))


class Curl(Client):
    name = "curl"
    programs = ["curl"]
    features = COMMON | {"SMTPUTF8", "AUTH CRAM-MD5"}

    def send(self, place, target, to, message):
        data = place.file("curl.eml", message)
        scheme = "smtps" if target.tls == "implicit" else "smtp"
        command = ["curl", "--silent", "--show-error", "--verbose", "--url",
                   f"{scheme}://127.0.0.1:{target.port}/client.example", "--mail-from", SENDER, "--upload-file", data,
                   "--mail-rcpt-allowfails", "--max-time", "30"]
        for address in to:
            command += ["--mail-rcpt", address]
        if target.tls:
            command += ["--cacert", target.ca]
        if target.tls == "starttls":
            command.append("--ssl-reqd")
        if target.auth:
            command += ["--user", f"{USER}:{target.password}", "--login-options", f"AUTH={target.auth}"]
        result = run(command, env={**os.environ, "LC_ALL": "C.UTF-8"})
        return Sent(result.returncode == 0, text(result))


class Msmtp(Client):
    name = "msmtp"
    programs = ["msmtp"]
    # One refused recipient makes it give up the whole message.
    features = (COMMON | LMTP | {"AUTH CRAM-MD5", "AUTH SCRAM-SHA-1", "AUTH SCRAM-SHA-256"}) - {"one of three refused"}

    def send(self, place, target, to, message):
        lines = ["host 127.0.0.1", f"from {SENDER}", "domain client.example", "timeout 30",
                 "set_from_header off", "set_date_header off", "set_msgid_header off", "undisclosed_recipients off",
                 f"protocol {'lmtp' if target.lmtp else 'smtp'}"]
        # A port must be named even if there is a socket.
        lines += [f"socket {target.port}", "port 24"] if isinstance(target.port, str) else [f"port {target.port}"]
        if target.tls:
            lines += ["tls on", f"tls_starttls {'on' if target.tls == 'starttls' else 'off'}",
                      f"tls_trust_file {target.ca}"]
        if target.auth:
            lines += [f"auth {target.auth.lower()}", f"user {USER}", f'password "{target.password}"']
        config = place.file("msmtprc", "account default\n" + "\n".join(lines) + "\n", 0o600)
        result = run(["msmtp", "-C", config, "--debug", "--", *to], input=message)
        return Sent(result.returncode == 0, text(result))


class Smtplib(Client):
    name = "smtplib"
    features = COMMON | {"LMTP", "SMTPUTF8", "AUTH CRAM-MD5"}

    def send(self, _place, target, to, message):
        context = ssl.create_default_context(cafile=target.ca)
        log = []
        try:
            with self.connect(target, context) as client:
                client.set_debuglevel(1)
                client._print_debug = lambda *said: log.append(" ".join(map(str, said)))
                if target.tls == "starttls":
                    client.starttls(context=context)
                client.ehlo_or_helo_if_needed()
                if target.auth:
                    self.login(client, target)
                self.transaction(client, to, message, target.lmtp)
        except smtplib.SMTPException as error:
            return Sent(False, f"{error!r}\n" + "\n".join(line[:300] for line in log))
        return Sent(True, "\n".join(line[:300] for line in log))

    @staticmethod
    def connect(target, context):
        name = "client.example"
        if target.lmtp:
            return smtplib.LMTP("127.0.0.1" if isinstance(target.port, int) else target.port,
                                target.port if isinstance(target.port, int) else 0, name)
        if target.tls == "implicit":
            return smtplib.SMTP_SSL("127.0.0.1", target.port, name, timeout=30, context=context)
        return smtplib.SMTP("127.0.0.1", target.port, name, timeout=30)

    @staticmethod
    def login(client, target):
        client.user, client.password = USER, target.password
        how = {"PLAIN": client.auth_plain, "LOGIN": client.auth_login, "CRAM-MD5": client.auth_cram_md5}[target.auth]
        # CRAM-MD5 has no initial response.
        code, reply = client.auth(target.auth, how, initial_response_ok=target.auth != "CRAM-MD5")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, reply)

    @staticmethod
    def transaction(client, to, message, lmtp):
        """As `sendmail` has it, but that LMTP's reply for each recipient is read."""
        options = [f"SIZE={len(message)}"]
        if not all(address.isascii() for address in to):
            options += ["SMTPUTF8", "BODY=8BITMIME"]
            client.command_encoding = "utf-8"
        elif not message.isascii():
            options.append("BODY=8BITMIME")
        code, reply = client.mail(SENDER, options)
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, reply, SENDER)
        replies = {address: client.rcpt(address) for address in to}
        accepted = [address for address, (code, _) in replies.items() if code == 250]
        if not accepted:
            raise smtplib.SMTPRecipientsRefused(replies)
        code, reply = client.data(message)
        for _ in accepted[1:] if lmtp else []:
            if code == 250:
                code, reply = client.getreply()
        if code != 250:
            raise smtplib.SMTPDataError(code, reply)


class Gsasl(Client):
    """GNU SASL's own program, which logs in and does nothing more; it knows about channel binding."""

    name = "gsasl"
    programs = ["gsasl"]
    delivers = False
    features = {f"AUTH {mechanism}" for mechanism in MECHANISMS}

    def send(self, place, target, to, message):
        command = ["gsasl", "--smtp", "--verbose", "--connect", f"localhost:{target.port}",
                   "--x509-ca-file", target.ca, "--mechanism", target.auth, "--authentication-id", USER, "--password",
                   target.password]
        # Without channel binding it would say "y", that it knows of it; the server, which does too, would see an
        # attack in that: somebody must have hidden the names with PLUS.
        if not target.auth.endswith("-PLUS"):
            command.append("--no-cb")
        result = run(command, input=b"")
        return Sent(result.returncode == 0, text(result))


CLIENTS = [Swaks(), Curl(), Msmtp(), Smtplib(), Gsasl()]
