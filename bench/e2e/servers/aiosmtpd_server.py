"""aiosmtpd, dropping each message: PORT, and a certificate and key for TLS from the first octet."""

import asyncio
import ssl
import sys

from aiosmtpd.smtp import SMTP


class Drop:
    async def handle_DATA(self, server, session, envelope):
        return "250 2.0.0 dropped"


async def main(port, *certificate):
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Drop(), hostname="peer.example"), "127.0.0.1", int(port),
                                      ssl=context, backlog=1024)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
