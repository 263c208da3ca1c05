"""A client of others, as the cases see it.

`send` returns a `Sent`: whether the client holds the message for delivered, and all it said. What a client
cannot do is not in its `features`: a feature, or all of its ways by what is before the comma.
"""

import dataclasses
import typing

from serve import PASSWORD

SENDER = "sender@client.example"
COMMON = {"plain", "STARTTLS", "implicit TLS", "AUTH PLAIN", "AUTH LOGIN", "relay refused", "one of three refused",
          "8-bit content", "leading dots", "no body", "long lines", "25 MiB", "too large"}
LMTP = {"LMTP, on TCP", "LMTP, on a Unix socket"}


@dataclasses.dataclass
class Target:
    """Where and how to send. `port` is a number, or the path of a Unix socket."""

    port: typing.Union[int, str]
    ca: str
    tls: typing.Optional[str] = None  # "starttls", "implicit"
    auth: typing.Optional[str] = None  # one of MECHANISMS or of BY_TOKEN
    password: str = PASSWORD  # or the token
    lmtp: bool = False
    pipelining: bool = False


@dataclasses.dataclass
class Sent:
    accepted: bool
    said: str


class Client:
    """`programs` are those that it needs, as `install.py` knows them."""

    name = None
    programs = ()
    features = frozenset()
    cannot = frozenset()  # a way of a feature that it has else
    delivers = True  # and not only logs in

    def send(self, place, target, to, message):
        raise NotImplementedError
