"""Receives mail with aiosmtpd into Maildirs. What listens where and who is known is in the one argument, as JSON."""

import asyncio
import itertools
import json
import pathlib
import ssl
import sys

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, AuthResult

NUMBERS = itertools.count()


class Handler:
    """Stores what is for one of the mailboxes; a Received field tells the client."""

    def __init__(self, given):
        self.given = given

    def known(self, address):
        local_part, _, domain = address.rpartition("@")
        return domain == self.given["domain"] and local_part in self.given["mailboxes"]

    async def handle_PROXY(self, _server, _session, _envelope, proxy_data):
        return bool(proxy_data)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if not self.known(address):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        proxy = session.proxy_data
        peer = proxy.src_addr if proxy else session.peer[0]
        field = f"Received: from {session.host_name} ([{peer}]) by aiosmtpd\r\n"
        for address in envelope.rcpt_tos:
            folder = pathlib.Path(self.given["mail"], address, "new")
            folder.mkdir(parents=True, exist_ok=True)
            file = folder.with_name(f"{next(NUMBERS)}")
            file.write_bytes(field.encode() + envelope.original_content)
            file.rename(folder / file.name)
        # LMTP has a reply for each recipient.
        return "\r\n".join(["250 2.0.0 stored"] * (len(envelope.rcpt_tos) if isinstance(server, LMTP) else 1))


def authenticate(given):
    def answer(_server, _session, _envelope, _mechanism, login):
        right = (login.login, login.password) == (given["user"].encode(), given["password"].encode())
        return AuthResult(success=right, handled=False)
    return answer


def context(given):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(given["certificate"], given["key"])
    return made


async def serve(given):
    handler, tls = Handler(given), context(given)
    common = {"hostname": "mx.aiosmtpd.example", "enable_SMTPUTF8": True, "data_size_limit": given["large"],
              "authenticator": authenticate(given)}
    differences = {
        "all": {"tls_context": tls},
        # As text it takes ASCII only, and does not offer 8BITMIME.
        "bare": {"enable_SMTPUTF8": False, "data_size_limit": None, "decode_data": True},
        "implicit": {},
        "small": {"data_size_limit": given["limit"]},
        "proxied": {"proxy_protocol_timeout": 5},
        "lmtp": {},
    }
    loop = asyncio.get_running_loop()
    for name, different in differences.items():
        kind = LMTP if name == "lmtp" else SMTP
        await loop.create_server(lambda kind=kind, options={**common, **different}: kind(handler, loop=loop, **options),
                                 "127.0.0.1", given["ports"][name], ssl=tls if name == "implicit" else None)
    print("ready", flush=True)
    await loop.create_future()


asyncio.run(serve(json.loads(sys.argv[1])))
