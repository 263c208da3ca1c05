"""nginx as a mail proxy: it authenticates our client, asking an HTTP server of ours, and hands the session over to
`smtp serve`, which it tells by XCLIENT, by a PROXY header or by AUTH who the client is."""

import hmac
import http.server
import smtplib
import ssl
import threading
import urllib.parse

import delivering
from harness import connects, free_ports, wait_for
from install import MAIL_MODULE, program as installed
from messages import SIMPLE
from peer import MailServer
from sender import Client, Sending
from serve import DOMAIN, PASSWORD, USER, Serve
from table import Table, check

NAME = "nginx"
NEEDS = ["nginx", "nginx-mail"]
SOURCE = "127.0.0.80"
MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5"]
# Name of a listener, and what is different there.
LISTENERS = {
    "all": "starttls only;",
    "implicit": "",
    "proxy": "xclient off; proxy_protocol on;",
    "login": "xclient off; proxy_smtp_auth on;",
}


class Authority(http.server.BaseHTTPRequestHandler):
    """Says who may go on, and where to."""

    protocol_version = "HTTP/1.1"
    ports = {}

    def do_GET(self):
        said = {name: urllib.parse.unquote(self.headers.get(name, "")) for name in ("Auth-User", "Auth-Pass", "Auth-Salt")}
        expected = PASSWORD
        if self.headers["Auth-Method"] == "cram-md5":
            expected = hmac.new(PASSWORD.encode(), said["Auth-Salt"].encode(), "md5").hexdigest()
        good = (said["Auth-User"], said["Auth-Pass"]) == (USER, expected)
        self.send_response(200)
        if good:
            self.send_header("Auth-Status", "OK")
            self.send_header("Auth-Server", "127.0.0.1")
            self.send_header("Auth-Port", str(self.ports[self.headers["Listener"]]))
        else:
            self.send_header("Auth-Status", "Invalid login or password")
            self.send_header("Auth-Error-Code", "535 5.7.8")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """What is asked is not printed."""


class Nginx(MailServer):
    """An own instance; what is accepted is in the Maildir of the server behind it."""

    name = NAME
    line_end = b"\r\n"

    def __init__(self, place, tls, behind):
        super().__init__()
        here = place.directory / "nginx"
        (here / "logs").mkdir(parents=True)
        self.mail, self.log_file = behind["all"].maildir, here / "logs" / "error.log"
        Authority.ports = {name: server.ports["smtp"] for name, server in behind.items()}
        authority = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Authority)
        threading.Thread(target=authority.serve_forever, daemon=True).start()
        self.ports = dict(zip(LISTENERS, free_ports(len(LISTENERS))))
        servers = "".join(f"""
  server {{
    listen 127.0.0.1:{self.ports[name]} {"" if name == "all" else "ssl"};
    protocol smtp;
    auth_http_header Listener {name};
    {different}
  }}""" for name, different in LISTENERS.items())
        config = place.file("nginx/nginx.conf", f"""
load_module {MAIL_MODULE};
daemon off;
pid {here}/pid;
error_log {here}/logs/error.log info;
events {{}}
mail {{
  server_name mx.nginx.example;
  auth_http http://127.0.0.1:{authority.server_port}/;
  smtp_auth {' '.join(MECHANISMS).lower()};
  smtp_capabilities PIPELINING 8BITMIME SMTPUTF8 CHUNKING "SIZE 52428800";
  ssl_certificate {tls[1]};
  ssl_certificate_key {tls[2]};
  {servers}
}}
""")
        place.start([installed("nginx"), "-p", str(here), "-c", str(config)],
                    stdout=open(here / "out", "wb"), stderr=open(here / "stderr", "wb"))
        wait_for(lambda: connects(("127.0.0.1", self.ports["all"])), NAME)

    def log(self):
        return self.log_file.read_text(errors="backslashreplace")


def cases(place, program, tls):
    # Only who has logged in may write to other domains.
    common = ["--no-tls", "--trace", "--domain", "nowhere.example"]
    trusting = Serve(place, program, "trusting", *common, "--xclient", "127.0.0.1")
    behind = {
        "all": trusting,
        "implicit": trusting,
        "proxy": Serve(place, program, "proxied", "--no-tls", "--trace", "--proxy-protocol", "--domain", DOMAIN),
        "login": Serve(place, program, "login", *common, "--user", f"{USER}:{PASSWORD}", "--allow-plaintext-auth"),
    }
    server = Nginx(place, tls, behind)
    return [delivered(place, program, tls, server), received(server, behind, tls)]


def delivered(place, program, tls, server):
    table = Table("smtp send delivers to", [NAME])

    def to(listener, how, *arguments):
        address = f"127.0.0.1:{server.ports[listener]}"
        return Sending(table, server, Client(place, program, address, "--tls", how, "--ca", tls[0], *arguments))

    login = ["--user", USER, "--auth", "PLAIN", "--password", PASSWORD]
    inside = to("implicit", "implicit", *login)
    to("all", "starttls", *login).delivered("STARTTLS", traced=["C: STARTTLS"])
    inside.delivered("implicit TLS", untraced=["C: STARTTLS"])
    for mechanism in MECHANISMS:
        delivering.login(to("all", "starttls"), mechanism)
    inside.delivered("PIPELINING", traced=["C: MAIL FROM"], grouped=True)
    inside.delivered("CHUNKING", traced=["C: BDAT "], untraced=["C: DATA"])
    inside.delivered("DATA", arguments=delivering.BY_DATA, traced=["C: DATA"], untraced=["C: BDAT "])
    delivering.content(inside)
    return table


def received(server, behind, tls):
    """The server behind knows where the client is, or who."""
    table = Table("smtp serve receives from", [NAME])
    context = ssl.create_default_context(cafile=tls[0])
    for feature, listener, said in (("XCLIENT", "implicit", f"([{SOURCE}]) by mx.example.org with ESMTPA"),
                                    ("PROXY v1", "proxy", f"([{SOURCE}]) by mx.example.org with ESMTP"),
                                    ("AUTH PLAIN", "login", "with ESMTPA")):
        with table.case(feature, NAME):
            to = f"{listener}@{DOMAIN}"
            with smtplib.SMTP_SSL("127.0.0.1", server.ports[listener], "client.example", timeout=30, context=context,
                                  source_address=(SOURCE, 0)) as client:
                client.ehlo()
                client.user, client.password = USER, PASSWORD
                client.auth("PLAIN", client.auth_plain)  # of CRAM-MD5 nginx has no password to go on with
                client.sendmail("sender@client.example", [to], SIMPLE)
            behind[listener].check_delivered(to, SIMPLE)
            field = behind[listener].received(to)
            check(said in field, field)
    return table
