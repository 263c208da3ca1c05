"""The servers and generators, and how each is told what to do."""

import dataclasses
import functools
import os
import pathlib
import pwd
from collections.abc import Callable

import install

HERE = pathlib.Path(__file__).resolve().parent
# What the ratios are of: the pair that comes with Postfix.
SINK, SOURCE = "smtp-sink", "smtp-source"
OURS_SERVER, OURS_CLIENT, FLOOR = "smtp serve", "smtp load", "floor"
# The same on the other runtimes.
OURS_SMOL, FLOOR_SMOL, OURS_THREADS = "on smol", "floor on smol", "on threads"
SMOL_ON_TWO = {"SMOL_THREADS": "2"}


@dataclasses.dataclass
class Server:
    name: str
    # The command for a port; with TLS from the first octet if it can do so.
    plain: Callable
    tls: Callable | None = None
    environment: dict = dataclasses.field(default_factory=dict)
    pipelining: bool = True
    # It does this part of the messages that others do, so that a run ends in time.
    share: float = 1.0
    # Idle connections, plain and inside TLS.
    idle: int = 10_000
    idle_tls: int = 10_000
    # It listens on as many addresses as generators of very many idle sessions need.
    many: bool = False
    # Of a series, it does no more connections, and no larger messages.
    scale: tuple = (10_000, 1 << 30)
    # What tells it to use two cores; none where it never does.
    two_cores: dict | None = None


@dataclasses.dataclass
class Generator:
    name: str
    # The command for a port, and sessions, messages and octets of each.
    command: Callable
    environment: dict = dataclasses.field(default_factory=dict)
    share: float = 1.0


def at_port(program, port):
    return [program, str(port)]


def smtp_load(program, port, connections, messages, size, *options):
    return [program, "load", "--server", f"127.0.0.1:{port}", "--connections", str(connections),
            "--messages", str(messages), "--size", str(size), *options]


# An address has no more ports to connect from than this.
PORTS = 20_000


def smtp_idle(program, port, connections, *, tls=False):
    """Generators that together open so many sessions, each to another address of this host."""
    how = ["--tls", "implicit", "--insecure"] if tls else ["--tls", "none"]
    generators = -(-connections // PORTS)
    shares = [connections // generators + (number < connections % generators) for number in range(generators)]
    return [[program, "load", "--server", f"127.0.0.{number + 1}:{port}", "--idle", "--connections", str(share),
             "--duration", "600", *how] for number, share in enumerate(shares)]


def servers(program):
    """Ours, and those of others that can be had here, with why where they cannot."""
    left_out = {}

    def brought(name, bring):
        try:
            return bring()
        except (RuntimeError, OSError) as error:
            left_out[name] = str(error)
            return None

    serve = [program, "serve", "--discard", "--hostname", "mx.example.net", "--max-connections", "60000",
             "--max-message-size", str(2 << 30)]
    # One address for each generator of idle sessions.
    listening = [f"127.0.0.{number}" for number in (1, 2, 3)]

    def ours(name, runtime, **more):
        on = [*serve, "--runtime", runtime]
        return Server(name, lambda port: [*on, "--no-tls", *(f"--listen={address}:{port}" for address in listening)],
                      lambda port: [*on, "--listen-tls", f"127.0.0.1:{port}"], **more)

    peers = install.peers()
    cert, key = install.certificate()
    found = [
        # Tokio has a thread for each core that it may run on.
        ours(OURS_SERVER, "tokio", many=True, two_cores={}),
        Server(FLOOR, functools.partial(at_port, peers / "floor"),
               lambda port: [*at_port(peers / "floor", port), cert, key], two_cores={}),
        ours(OURS_SMOL, "smol", many=True, two_cores=SMOL_ON_TWO),
        Server(FLOOR_SMOL, functools.partial(at_port, peers / "floor-smol"), two_cores=SMOL_ON_TWO),
        # A thread for each session.
        ours(OURS_THREADS, "blocking", idle=1_000, idle_tls=1_000, scale=(1_000, 1 << 30), two_cores={}),
    ]
    if (postfix := brought(SINK, install.postfix)) is not None:
        directory, environment = postfix
        # Whoever is root must say whom it is to be.
        user = ["-u", "nobody"] if os.geteuid() == 0 and pwd.getpwnam("nobody") else []
        found.append(Server(SINK, lambda port: [directory / SINK, *user, "-m", "20000", f"127.0.0.1:{port}", "1024"],
                            environment=environment, idle=1_000, scale=(1_000, 64 << 20)))
    source = HERE / "servers" / "go_smtp_server.go"
    if (dropping_go := brought("go-smtp", lambda: install.go_smtp(source))) is not None:
        found.append(Server("go-smtp", lambda port: [dropping_go, str(port)],
                            lambda port: [dropping_go, str(port), cert, key], idle_tls=2_000, scale=(1_000, 64 << 20),
                            two_cores={}))
    if (node := brought("nodemailer", install.nodemailer)) is not None:
        dropping = HERE / "servers" / "nodemailer_server.js"
        found.append(Server("nodemailer", lambda port: [node, dropping, str(port)],
                            lambda port: [node, dropping, str(port), cert, key],
                            environment={"NODE_PATH": str(install.NODE_MODULES)}, share=0.4, idle_tls=2_000,
                            scale=(1_000, 4 << 20)))
    if (python := brought("aiosmtpd", install.aiosmtpd)) is not None:
        script = HERE / "servers" / "aiosmtpd_server.py"
        found.append(Server("aiosmtpd", lambda port: [python, script, str(port)],
                            lambda port: [python, script, str(port), cert, key],
                            pipelining=False, share=0.1, idle=5_000, idle_tls=1_000, scale=(0, 0)))
    return found, left_out


def generators(program):
    """Ours, and those of others; the servers have been brought before."""
    peers = install.peers()

    def numbers(name):
        return lambda port, *rest: [peers / name, str(port), *map(str, rest)]

    def ours(*options):
        return lambda port, *rest: smtp_load(program, port, *rest, "--tls", "none", "--chunking", "never", *options)

    found = [
        Generator(OURS_CLIENT, ours("--pipelining", "never")),
        Generator(f"{OURS_CLIENT}, pipelining", ours()),
        # Each of their messages waits 40 ms for an acknowledgement.
        Generator("lettre", numbers("lettre"), share=0.1),
        Generator("mail-send", numbers("mail-send"), share=0.1),
    ]
    directory, environment = install.postfix()

    def source(port, connections, messages, size):
        return [directory / SOURCE, "-d", "-s", str(connections), "-m", str(messages), "-l", str(size),
                "-f", "sender@example.org", "-t", "recipient@example.net", f"127.0.0.1:{port}"]

    found.append(Generator(SOURCE, source, environment=environment))
    return found
