"""smtplib of Python."""

import smtplib
import ssl

from clients.client import COMMON, SENDER, Client, Sent
from serve import USER


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
