"""swaks, a script for trying out mail servers."""

from clients.client import COMMON, SENDER, Client, Sent
from harness import run, text
from serve import USER


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
