"""The exit codes of `smtp send`, with servers that say what a script has them say."""

import contextlib
import socket
import threading

import messages
from harness import free_ports
from sender import PERMISSION, TEMPORARY, UNAVAILABLE, Client
from serve import DOMAIN
from table import Table, check

NAME, NEEDS = "scripted", []
USAGE, DATA, PROTOCOL = 64, 65, 76
TO, OTHER = f"to@{DOMAIN}", f"other@{DOMAIN}"

GREETING = b"220 mx.script.example ESMTP\r\n"
EHLO = ("EHLO", b"250-mx.script.example\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n")
EHLO_PLAIN = ("EHLO", b"250 mx.script.example\r\n")
MAIL = ("MAIL", b"250 2.1.0 ok\r\n")
RCPT = ("RCPT", b"250 2.1.5 ok\r\n")
DATA_354 = ("DATA", b"354 go on\r\n")
QUIT = ("QUIT", b"221 bye\r\n")
CLOSE = None


class Script:
    """A server for one session. Each step is what a command begins with and the reply to it; "." stands for
    the end of content, CLOSE for the end of the connection."""

    def __init__(self, greeting, *steps):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.greeting, self.steps = greeting, steps
        self.error = None
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(20)

    def serve(self):
        try:
            client, _ = self.listener.accept()
            client.settimeout(20)
            with client, client.makefile("rb") as lines:
                client.sendall(self.greeting)
                for step in self.steps:
                    if step is CLOSE:
                        return
                    line = lines.readline()
                    while step[0] == "." and line not in (b".\r\n", b""):
                        line = lines.readline()
                    if not line.startswith(step[0].encode()):
                        self.error = f"{step[0]} expected: {line!r}"
                        return
                    client.sendall(step[1])
                lines.readline()  # until the client goes
        except OSError as error:
            self.error = str(error)


def cases(place, program, _tls):
    table = Table("exit code of smtp send", [NAME])

    def case(feature, code, script, *steps, to=(TO,), said=(), tls="none", arguments=(),
             message=messages.SIMPLE):
        with table.case(f"{feature}: {code}", NAME), contextlib.ExitStack() as stack:
            if script is None:
                (port,) = free_ports(1)
            else:
                script = stack.enter_context(Script(script, *steps))
                port = script.port
            client = Client(place, program, f"127.0.0.1:{port}", "--tls", tls)
            result = client.send(to, message, arguments)
            output = result.stdout.decode(errors="backslashreplace")
            output = f"exit {result.returncode}\n{output}{(script and script.error) or ''}"
            check(result.returncode == code, output)
            for part in said:
                check(part in output, f"no {part!r} in\n{output}")

    login = ["--user", "alice", "--password", "secret", "--allow-plaintext-auth"]
    session = [GREETING, EHLO, MAIL, RCPT, DATA_354]
    case("all accepted", 0, *session, (".", b"250 2.0.0 taken\r\n"), QUIT,
         said=[f"{TO}: delivered: 250 2.0.0 taken"])
    case("no reply to QUIT", 0, *session, (".", b"250 2.0.0 taken\r\n"), CLOSE)
    case("HELO where EHLO is unknown", 0, GREETING, ("EHLO", b"502 what\r\n"), ("HELO", b"250 hello\r\n"),
         MAIL, RCPT, DATA_354, (".", b"250 taken\r\n"), QUIT)
    case("replies of many lines", 0, b"220-mx.script.example\r\n220-be kind\r\n220 welcome\r\n", EHLO, MAIL, RCPT,
         ("DATA", b"354-go\r\n354 on\r\n"), (".", b"250-2.0.0 taken\r\n250 2.0.0 indeed\r\n"), QUIT)
    case("greeting 421", TEMPORARY, b"421 4.3.2 too busy\r\n", CLOSE, said=["421 4.3.2 too busy"])
    case("greeting 554", UNAVAILABLE, b"554 5.7.1 no service here\r\n", QUIT, said=["554 5.7.1 no service here"])
    case("connection refused", TEMPORARY, None, said=["refused"])
    case("closed without a greeting", TEMPORARY, b"", CLOSE)
    case("not a mail server", PROTOCOL, b"SSH-2.0-OpenSSH_9.2\r\n")
    case("an HTTP server", PROTOCOL, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    case("a TLS server", PROTOCOL, b"\x15\x03\x01\x00\x02\x02\x46" * 4 + b"\r\n")
    case("garbage behind EHLO", PROTOCOL, GREETING, ("EHLO", b"25\r\n"))
    case("354 to RCPT", PROTOCOL, GREETING, EHLO_PLAIN, MAIL, ("RCPT", b"354 go on\r\n"))
    case("a line without end", PROTOCOL, b"220 " + b"x" * 100_000)
    case("login refused", PERMISSION, GREETING, EHLO, ("AUTH", b"535 5.7.8 wrong\r\n"), QUIT, arguments=login,
         said=["535 5.7.8 wrong"])
    case("login refused for now", TEMPORARY, GREETING, EHLO, ("AUTH", b"454 4.7.0 later\r\n"), QUIT, arguments=login,
         said=["454 4.7.0 later"])
    case("no AUTH offered", PERMISSION, GREETING, EHLO_PLAIN, QUIT, arguments=login)
    case("no STARTTLS offered", UNAVAILABLE, GREETING, EHLO, QUIT, tls="starttls")
    case("sender refused", UNAVAILABLE, GREETING, EHLO_PLAIN, ("MAIL", b"550 5.7.1 not you\r\n"), QUIT,
         said=[f"{TO}: rejected at MAIL: 550 5.7.1 not you"])
    case("recipient deferred", TEMPORARY, GREETING, EHLO_PLAIN, MAIL, ("RCPT", b"450 4.2.1 greylisted\r\n"),
         ("RSET", b"250 ok\r\n"), QUIT, said=[f"{TO}: deferred at RCPT: 450 4.2.1 greylisted"])
    case("one refused, one deferred", UNAVAILABLE, GREETING, EHLO_PLAIN, MAIL, ("RCPT", b"450 4.2.1 later\r\n"),
         ("RCPT", b"550 5.1.1 nobody\r\n"), ("RSET", b"250 ok\r\n"), QUIT, to=(TO, OTHER),
         said=[f"{TO}: deferred at RCPT: 450 4.2.1 later", f"{OTHER}: rejected at RCPT: 550 5.1.1 nobody"])
    case("content refused", UNAVAILABLE, *session, (".", b"554 5.6.0 spam\r\n"), QUIT, said=["554 5.6.0 spam"])
    case("content deferred", TEMPORARY, *session, (".", b"452 4.3.1 disk full\r\n"), QUIT, said=["452 4.3.1 disk full"])
    case("421 in the transaction", TEMPORARY, GREETING, EHLO_PLAIN, MAIL, ("RCPT", b"421 4.3.2 going down\r\n"), CLOSE,
         said=["421 4.3.2 going down"])
    case("closed behind the content", TEMPORARY, *session, (".", b""), CLOSE)
    case("a bare LF in the message", DATA, *session, message=messages.SIMPLE + b"bare\nline\r\n")
    case("not an address", DATA, None, to=("not an address",))
    case("no such option", USAGE, None, arguments=["--no-such-option"])
    return table
