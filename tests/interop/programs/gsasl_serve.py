"""A mail server that does hardly more than log in, by GNU SASL, with channel binding. What listens where and who is
known is in the one argument, as JSON."""

import base64
import ctypes
import itertools
import json
import pathlib
import socketserver
import sys
import threading

from OpenSSL import SSL

GIVEN = json.loads(sys.argv[1])
NUMBERS = itertools.count()
MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]

# As gsasl.h has them.
OK, NEEDS_MORE, AUTHENTICATION_ERROR, NO_CALLBACK = 0, 1, 31, 51
AUTHID, PASSWORD, CB_TLS_EXPORTER, VALIDATE_SIMPLE = 1, 3, 25, 500
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
GSASL = ctypes.CDLL("libgsasl.so.18")
GSASL.gsasl_property_fast.restype = ctypes.c_char_p
GSASL.gsasl_property_fast.argtypes = [ctypes.c_void_p, ctypes.c_int]
GSASL.gsasl_property_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
GSASL.gsasl_callback_set.argtypes = [ctypes.c_void_p, CALLBACK]
GSASL.gsasl_server_start.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
GSASL.gsasl_step64.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
GSASL.gsasl_finish.argtypes = GSASL.gsasl_free.argtypes = [ctypes.c_void_p]
BINDINGS = {}  # the exporter's octets for each exchange under way


@CALLBACK
def callback(_context, exchange, wanted):
    """What an exchange has to know."""
    if wanted == VALIDATE_SIMPLE:
        said = (GSASL.gsasl_property_fast(exchange, AUTHID), GSASL.gsasl_property_fast(exchange, PASSWORD))
        return OK if said == (GIVEN["user"].encode(), GIVEN["password"].encode()) else AUTHENTICATION_ERROR
    if wanted == PASSWORD and GSASL.gsasl_property_fast(exchange, AUTHID) == GIVEN["user"].encode():
        GSASL.gsasl_property_set(exchange, PASSWORD, GIVEN["password"].encode())
        return OK
    if wanted == CB_TLS_EXPORTER and exchange in BINDINGS:
        GSASL.gsasl_property_set(exchange, CB_TLS_EXPORTER, base64.b64encode(BINDINGS[exchange]))
        return OK
    return NO_CALLBACK


CONTEXT = ctypes.c_void_p()
if GSASL.gsasl_init(ctypes.byref(CONTEXT)) != OK:
    sys.exit("gsasl_init failed")
GSASL.gsasl_callback_set(CONTEXT, callback)


class Session(socketserver.BaseRequestHandler):
    """One client: a line at a time, and after DATA lines until the one with a dot."""

    implicit = False
    label = b"EXPORTER-Channel-Binding"

    def handle(self):
        self.stream, self.read, self.secure = self.request, b"", False
        self.sender, self.recipients = None, []
        try:
            if self.implicit:
                self.encrypt()
            self.say("220 mx.gsasl.example ESMTP")
            while self.command(self.line()):
                pass
        except (OSError, SSL.Error):
            pass  # the client has gone

    def encrypt(self):
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate_chain_file(GIVEN["certificate"])
        context.use_privatekey_file(GIVEN["key"])
        self.stream = SSL.Connection(context, self.request)
        self.stream.set_accept_state()
        self.stream.do_handshake()
        self.secure = True

    def say(self, *lines):
        self.stream.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def line(self):
        while b"\r\n" not in self.read:
            octets = self.stream.recv(65536)
            if not octets:
                raise OSError("the end")
            self.read += octets
        line, self.read = self.read.split(b"\r\n", 1)
        return line

    def command(self, line):
        """Whether the session goes on."""
        words = line.decode(errors="replace").split()
        verb = words[0].upper() if words else ""
        if verb == "QUIT":
            self.say("221 bye")
            return False
        if verb == "EHLO":
            mechanisms = " ".join(name for name in MECHANISMS if self.secure)
            self.say("250-mx.gsasl.example", f"250 AUTH {mechanisms}" if self.secure else "250 STARTTLS")
        elif verb == "STARTTLS" and not self.secure:
            self.say("220 go ahead")
            self.encrypt()
        elif verb == "AUTH" and self.secure and words[1] in MECHANISMS:
            right = self.authenticate(words[1], words[2] if len(words) > 2 else None)
            self.say("235 2.7.0 welcome" if right else "535 5.7.8 wrong")
        elif verb == "MAIL":
            self.recipients = []
            self.say("250 ok")
        elif verb == "RCPT":
            self.recipients.append(line.decode().partition("<")[2].partition(">")[0])
            self.say("250 ok")
        elif verb == "DATA":
            self.say("354 go on")
            self.store()
        else:
            self.say("502 unknown")
        return True

    def authenticate(self, mechanism, response):
        exchange = ctypes.c_void_p()
        if GSASL.gsasl_server_start(CONTEXT, mechanism.encode(), ctypes.byref(exchange)) != OK:
            return False
        BINDINGS[exchange.value] = self.stream.export_keying_material(self.label, 32, b"")
        try:
            while True:
                output = ctypes.c_void_p()
                if response is None and mechanism != "LOGIN" and mechanism != "CRAM-MD5":
                    self.say("334 ")
                    response = self.line().decode()
                code = GSASL.gsasl_step64(exchange, (response or "").encode(), ctypes.byref(output))
                said = ctypes.string_at(output.value).decode() if output.value else ""
                GSASL.gsasl_free(output)
                if code not in (OK, NEEDS_MORE):
                    return False
                # What is left to say when all is done, as SCRAM has it, is a challenge too.
                if code == OK and not said:
                    return True
                self.say(f"334 {said}")
                response = self.line().decode()
                if code == OK:
                    return response == ""
        finally:
            del BINDINGS[exchange.value]
            GSASL.gsasl_finish(exchange)

    def store(self):
        lines = []
        while (line := self.line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
        for address in self.recipients:
            folder = pathlib.Path(GIVEN["mail"], address, "new")
            folder.mkdir(parents=True, exist_ok=True)
            file = folder.with_name(f"{next(NUMBERS)}")
            file.write_bytes(b"".join(line + b"\r\n" for line in lines))
            file.rename(folder / file.name)
        self.say("250 2.0.0 stored")


class Implicit(Session):
    implicit = True


class Elsewhere(Implicit):
    """As if somebody in between had a TLS session of his own with either side."""

    label = b"EXPORTER-Another-Session"


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


kinds = {"all": Session, "implicit": Implicit, "elsewhere": Elsewhere}
servers = [Server(("127.0.0.1", GIVEN["ports"][name]), kind) for name, kind in kinds.items()]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
servers[0].serve_forever()
