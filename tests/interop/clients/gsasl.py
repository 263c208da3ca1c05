"""gsasl of GNU SASL."""

from clients.client import Client, Sent
from harness import run, text
from serve import MECHANISMS, USER


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
