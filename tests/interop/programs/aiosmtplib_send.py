"""Sends a message with aiosmtplib. What and where to is in the one argument, as JSON; what came of it goes to stdout,
and the exit code says whether the message was taken."""

import asyncio
import json
import pathlib
import ssl
import sys

import aiosmtplib


async def send(given):
    client = aiosmtplib.SMTP(
        hostname="127.0.0.1", port=given["port"], local_hostname=given["hello"], timeout=30,
        use_tls=given["tls"] == "implicit", start_tls=given["tls"] == "starttls",
        tls_context=ssl.create_default_context(cafile=given["ca"]) if given["tls"] else None)
    message = pathlib.Path(given["message"]).read_bytes()
    options = []
    if not message.isascii():
        options.append("BODY=8BITMIME")
    if not all(address.isascii() for address in given["to"]):
        options.append("SMTPUTF8")
    async with client:
        await client.ehlo()
        if given["auth"]:
            login = {"PLAIN": client.auth_plain, "LOGIN": client.auth_login,
                     "CRAM-MD5": client.auth_crammd5, "XOAUTH2": client.auth_xoauth2}[given["auth"]]
            print(await login(given["user"], given["password"]))
        print(await client.sendmail(given["sender"], given["to"], message, mail_options=options))


try:
    asyncio.run(send(json.loads(sys.argv[1])))
except aiosmtplib.SMTPException as error:
    print(repr(error))
    sys.exit(1)
