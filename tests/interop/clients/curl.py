"""curl."""

import os

from clients.client import COMMON, SENDER, Client, Sent
from harness import run, text
from serve import BY_TOKEN, USER


class Curl(Client):
    name = "curl"
    programs = ["curl"]
    features = COMMON | {"SMTPUTF8", "AUTH CRAM-MD5", "AUTH OAUTHBEARER", "AUTH XOAUTH2"}

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
        if target.auth in BY_TOKEN:
            command += ["--user", USER, "--oauth2-bearer", target.password, "--login-options", f"AUTH={target.auth}"]
        elif target.auth:
            command += ["--user", f"{USER}:{target.password}", "--login-options", f"AUTH={target.auth}"]
        result = run(command, env={**os.environ, "LC_ALL": "C.UTF-8"})
        return Sent(result.returncode == 0, text(result))
