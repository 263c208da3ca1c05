"""Haraka, of Node.js."""

import json
import os
import shutil

import delivering
import upstream
from delivering import LIMIT
from harness import connects, free_ports, wait_for
from install import NODE, PROGRAMS, program as installed
from messages import LARGE
from peer import MAILBOXES, MailServer
from serve import DOMAIN, PASSWORD, USER

NAME = "Haraka"
NEEDS = ["node", "haraka"]


class Haraka(MailServer):
    """An own instance, with a plugin of ours that stores what is for the mailboxes."""

    name = NAME
    line_end = b"\r\n"
    cannot = {
        "CHUNKING", "DSN", "no extension", "attachment, no extension", "8-bit content, 8BITMIME not offered",
        "AUTH SCRAM-SHA-1", "AUTH SCRAM-SHA-256", "AUTH SCRAM-SHA-1-PLUS", "AUTH SCRAM-SHA-256-PLUS",
        "AUTH OAUTHBEARER", "AUTH XOAUTH2",
        "XFORWARD", "PROXY v2", "XCLIENT, port",
        "XCLIENT, from who may not",  # it takes XCLIENT from this host by itself
    }

    def __init__(self, place, tls, name="haraka", largest=LARGE + 1_000_000, proxy="", mail=None):
        super().__init__()
        here = place.directory / name
        self.mail, self.log_file = mail or here / "mail", here / "log"
        here.mkdir()
        listeners = ["all", "implicit"]
        self.ports = dict(zip(listeners, free_ports(len(listeners))))
        self.ports["trusting"] = self.ports["all"]
        for file, content in self.files(largest, proxy).items():
            place.file(f"{name}/config/{file}", content)
        for file, to in ((tls[1], "tls_cert.pem"), (tls[2], "tls_key.pem")):
            shutil.copy(file, here / "config" / to)
        place.file(f"{name}/plugins/mailboxes.js", (PROGRAMS / "haraka-mailboxes.js").read_bytes())
        log = open(self.log_file, "wb")
        place.start([installed("node"), installed("haraka"), "-c", str(here)], stdout=log, stderr=log,
                    env={**os.environ, "NODE_PATH": str(NODE)})
        wait_for(lambda: connects(("127.0.0.1", self.ports["all"])), NAME, 20)

    def files(self, largest, proxy):
        return {
            "me": "mx.haraka.example\n",
            "plugins": "tls\nxclient\nauth/flat_file\nmailboxes\n",
            "smtp.ini": (f"listen=127.0.0.1:{self.ports['all']},127.0.0.1:{self.ports['implicit']}\n"
                         f"smtps_port={self.ports['implicit']}\nnodes=0\n"),
            "connection.ini": (f"[max]\nbytes={largest}\ndata_line_length=2000\n[headers]\nadd_received=true\n"
                               "[message]\ngreeting[]=hello\nhelo=hello\nclose=bye\n[uuid]\nbanner_chars=6\n"
                               f"[haproxy]\nenabled={'true' if proxy else 'false'}\nhosts[]={proxy}\n"),
            "auth_flat_file.ini": ("[core]\nmethods=PLAIN,LOGIN,CRAM-MD5\nconstrain_sender=false\n"
                                   f"[users]\n{USER}={PASSWORD}\n"),
            "mailboxes.json": json.dumps({"mail": str(self.mail), "domain": DOMAIN, "mailboxes": MAILBOXES}),
        }

    def log(self):
        return self.log_file.read_text(errors="backslashreplace")


def cases(place, program, tls):
    server = Haraka(place, tls)
    server.ports["small"] = Haraka(place, tls, "small", LIMIT).ports["all"]
    # Whoever may say a PROXY header has to.
    proxied = Haraka(place, tls, "proxied", proxy="127.0.0.1", mail=server.mail)
    server.ports["proxied"] = proxied.ports["all"]
    table = delivering.cases(place, program, tls, server)
    upstream.tells(server, place, program, table)
    return table
