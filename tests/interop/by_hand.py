"""What none of the clients can be made to do: sessions by hand, and the end of the server."""

import smtplib
import socket
import ssl

import messages
from messages import LARGE
from serve import DOMAIN, Serve
from table import Table, check

NAME, NEEDS = "sockets", []


def cases(place, program, tls):
    table = Table("smtp serve receives from", [NAME])
    server = Serve(place, program, "serve", "--domain", DOMAIN)
    by_hand(table, server)
    shutdown(table, place, program, tls)
    return table


class Conversation:
    """A session by hand: lines are sent as they stand, replies are awaited by their code."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.replies = self.socket.makefile("rb")
        self.expect("220")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.replies.close()
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def expect(self, *codes):
        """Reads one reply for each code."""
        for code in codes:
            line = self.replies.readline()
            while line[3:4] == b"-":
                line = self.replies.readline()
            check(line.startswith(code.encode()), f"{code} expected: {line!r}")


def envelope(to, parameters=""):
    mail = f"EHLO client.example\r\nMAIL FROM:<sender@client.example>{parameters}\r\nRCPT TO:<{to}>\r\n"
    return mail.encode()


def by_hand(table, server):
    port = server.ports["smtp"]
    dots = messages.DOTS.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    with table.case("PIPELINING, whole sessions", NAME), Conversation(port) as session:
        # All of a session at once but for what has to wait for 354, twice, and with the next commands
        # behind the content.
        to = f"at-once@{DOMAIN}"
        session.send(envelope(to) + b"DATA\r\n")
        session.expect("250", "250", "250", "354")
        session.send(dots + b"NOOP\r\nVRFY x\r\nMAIL FROM:<>\r\nRCPT TO:<second-" + to.encode() + b">\r\nDATA\r\n")
        session.expect("250", "250", "252", "250", "250", "354")
        session.send(dots + b"QUIT\r\n")
        session.expect("250", "221")
        server.check_delivered(to, messages.DOTS)
        server.check_delivered(f"second-{to}", messages.DOTS)
    with table.case("octet by octet", NAME), Conversation(port) as session:
        to = f"slowly@{DOMAIN}"
        session.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in envelope(to) + b"DATA\r\n":
            session.send(bytes([octet]))
        session.expect("250", "250", "250", "354")
        for octet in dots + b"QUIT\r\n":
            session.send(bytes([octet]))
        session.expect("250", "221")
        server.check_delivered(to, messages.DOTS)
    with table.case("no octets at all", NAME), Conversation(port) as session:
        to = f"nothing@{DOMAIN}"
        session.send(envelope(to) + b"DATA\r\n")
        session.expect("250", "250", "250", "354")
        session.send(b".\r\nQUIT\r\n")
        session.expect("250", "221")
        server.check_delivered(to, b"")
    with table.case("CHUNKING", NAME), Conversation(port) as session:
        to = f"chunks@{DOMAIN}"
        parts = [messages.EIGHT_BIT[at:at + 100] for at in range(0, len(messages.EIGHT_BIT), 100)]
        session.send(envelope(to, " BODY=8BITMIME") + b"".join(b"BDAT %d\r\n%b" % (len(p), p) for p in parts)
                     + b"BDAT 0 LAST\r\nQUIT\r\n")
        session.expect("250", "250", "250", *["250" for _ in parts], "250", "221")
        server.check_delivered(to, messages.EIGHT_BIT)
    with table.case("CHUNKING, 25 MiB", NAME), Conversation(port) as session:
        to, large = f"large-chunk@{DOMAIN}", messages.large(LARGE)
        session.send(envelope(to) + b"BDAT %d LAST\r\n%b" % (len(large), large) + b"QUIT\r\n")
        session.expect("250", "250", "250", "250", "221")
        server.check_delivered(to, large)
    smuggling(table, server)


def smuggling(table, server):
    """What a client sends so that two servers see different messages in it."""
    port = server.ports["smtp"]
    for what, end in (("LF.LF", b"\n.\n"), ("LF.CRLF", b"\n.\r\n"), ("CR.CR", b"\r.\r")):
        with table.case(f"smuggling refused, {what}", NAME), Conversation(port) as session:
            to = f"smuggled-{end.hex()}@{DOMAIN}"
            session.send(envelope(to) + b"DATA\r\n")
            session.expect("250", "250", "250", "354")
            session.send(messages.SIMPLE[:-2] + end + envelope(to)[21:] + b"DATA\r\n.\r\nQUIT\r\n")
            session.expect("550", "221")
            server.check_nothing(to)
    with table.case("smuggling refused, content before 354", NAME), Conversation(port) as session:
        to = f"early@{DOMAIN}"
        session.send(envelope(to) + b"DATA\r\n" + messages.SIMPLE + b".\r\nQUIT\r\n")
        session.expect("250", "250", "250", "554")
        check(session.replies.read() == b"", "went on")
        server.check_nothing(to)
    with table.case("smuggling refused, commands before TLS", NAME), Conversation(port) as session:
        session.send(b"EHLO client.example\r\nSTARTTLS\r\nNOOP\r\n")
        session.expect("250")
        rest = session.replies.read()
        check(b"220" not in rest, f"TLS with plaintext behind it: {rest!r}")


def shutdown(table, place, program, tls):
    """SIGTERM: 421 for who is idle, time to finish for who is not, exit code 0."""
    with table.case("SIGTERM, while idle", NAME):
        server = Serve(place, program, "idle")
        with smtplib.SMTP("127.0.0.1", server.ports["smtp"], "client.example", timeout=20) as client:
            client.ehlo()
            server.terminate()
            code, reply = client.getreply()
            check(code == 421, f"{code} {reply}")
            check(client.sock.recv(1) == b"", "more behind 421")
            client.close()
        check(server.exit_code() == 0, f"exit {server.exit_code()}")
    with table.case("SIGTERM, while idle in TLS", NAME):
        server = Serve(place, program, "idle-tls", "--tls-cert", tls[1], "--tls-key", tls[2])
        with smtplib.SMTP("127.0.0.1", server.ports["smtp"], "client.example", timeout=20) as client:
            client.starttls(context=ssl.create_default_context(cafile=tls[0]))
            client.ehlo()
            server.terminate()
            code, reply = client.getreply()
            check(code == 421, f"{code} {reply}")
            check(client.sock.recv(1) == b"", "more behind 421")  # an end without close_notify would raise
            client.close()
        check(server.exit_code() == 0, f"exit {server.exit_code()}")
    with table.case("SIGTERM, in a message", NAME):
        server = Serve(place, program, "busy")
        with smtplib.SMTP("127.0.0.1", server.ports["smtp"], "client.example", timeout=20) as client:
            client.ehlo()
            client.mail("sender@client.example")
            client.rcpt(f"late@{DOMAIN}")
            code, _ = client.docmd("DATA")
            check(code == 354, f"{code}")
            half = len(messages.SIMPLE) // 2
            client.send(messages.SIMPLE[:half])
            with smtplib.SMTP("127.0.0.1", server.ports["smtp"], "client.example", timeout=20) as idle:
                server.terminate()
                code, _ = idle.getreply()
                check(code == 421, f"{code} for the idle one")
                idle.close()
            check(server.process.poll() is None, "did not wait for the message")
            client.send(messages.SIMPLE[half:] + b".\r\n")
            code, reply = client.getreply()
            check(code == 250, f"{code} {reply}")
            code, reply = client.getreply()
            check(code == 421, f"{code} {reply} behind the message")
            client.close()
        check(server.exit_code() == 0, f"exit {server.exit_code()}")
        server.check_delivered(f"late@{DOMAIN}", messages.SIMPLE)
