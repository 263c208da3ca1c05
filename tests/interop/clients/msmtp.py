"""msmtp, with GNU SASL."""

from clients.client import COMMON, LMTP, SENDER, Client, Sent
from harness import run, text
from serve import USER


class Msmtp(Client):
    name = "msmtp"
    programs = ["msmtp"]
    # One refused recipient makes it give up the whole message.
    features = (COMMON | LMTP | {"AUTH CRAM-MD5", "AUTH SCRAM-SHA-1", "AUTH SCRAM-SHA-256",
                                "AUTH OAUTHBEARER", "AUTH XOAUTH2"}) - {"one of three refused"}

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
