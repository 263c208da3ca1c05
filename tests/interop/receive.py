"""What others send, `smtp serve` receives to the last octet."""

import smtplib
import socket
import ssl

import messages
from clients import CLIENTS, Target
from harness import Table, check
from serve import DOMAIN, PASSWORD, USER, Serve

SOCKETS = "sockets"
LIMIT = 100_000
LARGE = 25 * 1024 * 1024


def cases(place, program, tls, peers):
    ca, cert, key = tls
    clients = [client for client in CLIENTS if client.name in peers]
    table = Table("smtp serve receives from", [client.name for client in clients] + [SOCKETS])
    shared = ["--tls-cert", cert, "--tls-key", key, "--user", f"{USER}:{PASSWORD}", "--domain", DOMAIN]
    server = Serve(place, program, "serve", *shared, listeners=("listen", "listen-tls", "listen-lmtp", "unix"))
    small = Serve(place, program, "small", *shared, "--max-message-size", LIMIT)
    target = Target(server.ports["smtp"], str(ca))
    lmtp = Target(server.ports["lmtp"], str(ca), lmtp=True)
    unix = Target(server.unix, str(ca), lmtp=True)
    for client in clients:
        sender = Sender(table, place, client, server)
        sender.accepted("plain", target)
        sender.accepted("pipelining", target, pipelining=True)
        sender.accepted("STARTTLS", target, tls="starttls")
        sender.accepted("implicit TLS", target, tls="implicit", port=server.ports["smtps"])
        for mechanism in ("PLAIN", "LOGIN"):
            # The recipient is one that only an authenticated client may name.
            sender.accepted(f"AUTH {mechanism}", target, tls="starttls", auth=mechanism, domain="elsewhere.example")
        sender.refused("wrong password", target, "535", tls="starttls", auth="PLAIN", password="wrong")
        sender.refused("relay refused", target, "550", domain="elsewhere.example")
        sender.some_accepted("one of three refused", target)
        sender.accepted("8-bit content", target, message=messages.EIGHT_BIT)
        sender.accepted("leading dots", target, message=messages.DOTS)
        sender.accepted("no body", target, message=messages.NO_BODY)
        sender.accepted("long lines", target, message=messages.LONG_LINES)
        sender.accepted("25 MiB", target, message=messages.large(LARGE))
        sender.refused("too large", target, "552", message=messages.large(LIMIT + 1), port=small.ports["smtp"])
        sender.accepted("SMTPUTF8", target, message=messages.UTF8_HEADER, local_part="δοκιμή")
        sender.accepted("LMTP on TCP", lmtp)
        sender.accepted("LMTP on a Unix socket", unix)
        sender.some_accepted("LMTP, one of three refused", lmtp)
    if SOCKETS in peers:
        by_hand(table, server)
        shutdown(table, place, program, tls)
    return table


class Sender:
    """Sends to addresses of its own, so that no case sees the mail of another."""

    def __init__(self, table, place, client, server):
        self.table, self.place, self.client, self.server = table, place, client, server
        self.count = 0

    def address(self, local_part="to", domain=DOMAIN):
        self.count += 1
        return f"{local_part}-{self.client.name}-{self.count}@{domain}"

    def send(self, target, to, message, changes):
        return self.client.send(self.place, Target(**{**vars(target), **changes}), to, message)

    def accepted(self, feature, target, message=messages.SIMPLE, local_part="to", domain=DOMAIN, **changes):
        if feature in self.client.features:
            with self.table.case(feature, self.client.name):
                to = self.address(local_part, domain)
                sent = self.send(target, [to], message, changes)
                check(sent.accepted, sent.said)
                self.server.check_delivered(to, message)

    def some_accepted(self, feature, target, **changes):
        if feature in self.client.features:
            with self.table.case(feature, self.client.name):
                to = [self.address(), self.address(domain="elsewhere.example"), self.address()]
                sent = self.send(target, to, messages.SIMPLE, changes)
                check(sent.accepted, sent.said)
                self.server.check_delivered(to[0], messages.SIMPLE)
                self.server.check_delivered(to[2], messages.SIMPLE)
                self.server.check_nothing(to[1])

    def refused(self, feature, target, code, message=messages.SIMPLE, domain=DOMAIN, **changes):
        if feature in self.client.features:
            with self.table.case(feature, self.client.name):
                to = self.address(domain=domain)
                sent = self.send(target, [to], message, changes)
                check(not sent.accepted and code in sent.said, f"no {code}:\n{sent.said}")
                self.server.check_nothing(to)


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
    """What none of the clients can be made to do."""
    port = server.ports["smtp"]
    dots = messages.DOTS.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    with table.case("pipelining", SOCKETS), Conversation(port) as session:
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
    with table.case("octet by octet", SOCKETS), Conversation(port) as session:
        to = f"slowly@{DOMAIN}"
        session.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in envelope(to) + b"DATA\r\n":
            session.send(bytes([octet]))
        session.expect("250", "250", "250", "354")
        for octet in dots + b"QUIT\r\n":
            session.send(bytes([octet]))
        session.expect("250", "221")
        server.check_delivered(to, messages.DOTS)
    with table.case("no octets at all", SOCKETS), Conversation(port) as session:
        to = f"nothing@{DOMAIN}"
        session.send(envelope(to) + b"DATA\r\n")
        session.expect("250", "250", "250", "354")
        session.send(b".\r\nQUIT\r\n")
        session.expect("250", "221")
        server.check_delivered(to, b"")
    with table.case("CHUNKING", SOCKETS), Conversation(port) as session:
        to = f"chunks@{DOMAIN}"
        parts = [messages.EIGHT_BIT[at:at + 100] for at in range(0, len(messages.EIGHT_BIT), 100)]
        session.send(envelope(to, " BODY=8BITMIME") + b"".join(b"BDAT %d\r\n%b" % (len(p), p) for p in parts)
                     + b"BDAT 0 LAST\r\nQUIT\r\n")
        session.expect("250", "250", "250", *["250" for _ in parts], "250", "221")
        server.check_delivered(to, messages.EIGHT_BIT)
    with table.case("CHUNKING, 25 MiB", SOCKETS), Conversation(port) as session:
        to, large = f"large-chunk@{DOMAIN}", messages.large(LARGE)
        session.send(envelope(to) + b"BDAT %d LAST\r\n%b" % (len(large), large) + b"QUIT\r\n")
        session.expect("250", "250", "250", "250", "221")
        server.check_delivered(to, large)
    smuggling(table, server)


def smuggling(table, server):
    """What a client sends so that two servers see different messages in it."""
    port = server.ports["smtp"]
    for feature, end in (("LF.LF refused", b"\n.\n"), ("LF.CRLF refused", b"\n.\r\n"), ("CR.CR refused", b"\r.\r")):
        with table.case(feature, SOCKETS), Conversation(port) as session:
            to = f"smuggled-{end.hex()}@{DOMAIN}"
            session.send(envelope(to) + b"DATA\r\n")
            session.expect("250", "250", "250", "354")
            session.send(messages.SIMPLE[:-2] + end + envelope(to)[21:] + b"DATA\r\n.\r\nQUIT\r\n")
            session.expect("550", "221")
            server.check_nothing(to)
    with table.case("content before 354 refused", SOCKETS), Conversation(port) as session:
        to = f"early@{DOMAIN}"
        session.send(envelope(to) + b"DATA\r\n" + messages.SIMPLE + b".\r\nQUIT\r\n")
        session.expect("250", "250", "250", "554")
        check(session.replies.read() == b"", "went on")
        server.check_nothing(to)
    with table.case("commands before TLS refused", SOCKETS), Conversation(port) as session:
        session.send(b"EHLO client.example\r\nSTARTTLS\r\nNOOP\r\n")
        session.expect("250")
        rest = session.replies.read()
        check(b"220" not in rest, f"TLS with plaintext behind it: {rest!r}")


def shutdown(table, place, program, tls):
    """SIGTERM: 421 for who is idle, time to finish for who is not, exit code 0."""
    with table.case("SIGTERM while idle", SOCKETS):
        server = Serve(place, program, "idle")
        with smtplib.SMTP("127.0.0.1", server.ports["smtp"], "client.example", timeout=20) as client:
            client.ehlo()
            server.terminate()
            code, reply = client.getreply()
            check(code == 421, f"{code} {reply}")
            check(client.sock.recv(1) == b"", "more behind 421")
            client.close()
        check(server.exit_code() == 0, f"exit {server.exit_code()}")
    with table.case("SIGTERM while idle in TLS", SOCKETS):
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
    with table.case("SIGTERM in a message", SOCKETS):
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
