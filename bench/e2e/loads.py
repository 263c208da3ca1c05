"""What is measured, and what is wanted of it."""

import dataclasses

from programs import FLOOR, FLOOR_SMOL, OURS_CLIENT, OURS_SERVER, OURS_SMOL, SINK, SOURCE

KIB, MIB = 1024, 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Target:
    """A bound on a ratio to another program, or on the figure itself; at least it where `least` says so."""

    bound: float
    against: str | None = None
    by: str = OURS_SERVER
    least: bool = False

    def is_met(self, value):
        return value >= self.bound if self.least else value <= self.bound

    def __str__(self):
        return f"{'≥' if self.least else '≤'} {self.bound:g}"


@dataclasses.dataclass(frozen=True)
class ServerLoad:
    name: str
    connections: int
    messages: int
    size: int
    targets: tuple
    pipelining: bool = False
    per_session: bool = False
    tls: bool = False
    # Where the figure stands in a series, and what it is shared by: messages, or MiB of them.
    at: int | None = None
    per_mib: bool = False

    @property
    def unit(self):
        return "µs of CPU for each MiB" if self.per_mib else "µs of CPU"

    def units(self, messages):
        return messages * self.size / MIB if self.per_mib else messages

    def options(self):
        given = ["--tls", "implicit", "--insecure"] if self.tls else ["--tls", "none"]
        given += ["--chunking", "never"]
        given += ["--pipelining", "auto" if self.pipelining else "never"]
        return given + (["--per-session", "1"] if self.per_session else [])


# What the rules of SMTP may cost on top of a runtime.
RULES = (Target(1.2, FLOOR), Target(1.2, FLOOR_SMOL, OURS_SMOL))

SERVER_LOADS = [
    ServerLoad("1 KiB, 10 connections", 10, 6_000, KIB, (Target(0.65, SINK), *RULES)),
    ServerLoad("1 KiB, 100 connections", 100, 6_000, KIB, (Target(0.65, SINK), *RULES)),
    ServerLoad("1 KiB, 10 connections, pipelined", 10, 8_000, KIB, (Target(0.5, SINK),), pipelining=True),
    ServerLoad("1 KiB, a session each", 10, 3_000, KIB, (Target(0.75, SINK),), per_session=True),
    ServerLoad("100 KiB, 10 connections", 10, 800, 100 * KIB, (Target(0.12, SINK),), pipelining=True),
    ServerLoad("10 MiB, 2 connections", 2, 12, 10 * MIB, (Target(0.06, SINK),), pipelining=True),
]

# The same inside TLS, of those that can: what there is to pay for TLS is what the floor pays.
TLS_LOADS = [
    ServerLoad("1 KiB, 10 connections, inside TLS", 10, 6_000, KIB, (Target(1.2, FLOOR),), tls=True),
    ServerLoad("10 MiB, 2 connections, inside TLS", 2, 100, 10 * MIB, (Target(1.2, FLOOR),), pipelining=True, tls=True,
               per_mib=True),
]


def several(connections):
    return "1 connection" if connections == 1 else f"{connections:,} connections"


def by_connections(connections):
    # So many that opening the sessions hardly counts.
    messages = max(6_000, 20 * connections)
    return ServerLoad(f"1 KiB, {several(connections)}", connections, messages, KIB, (), at=connections)


def by_size(size):
    name = f"{size // KIB:,} KiB" if size < MIB else f"{size // MIB:,} MiB"
    connections = 1 if size >= 64 * MIB else 2
    messages = max(1, min(4_000, 256 * MIB // size))
    return ServerLoad(f"{name}, {several(connections)}", connections, messages, size, (), pipelining=True, at=size,
                      per_mib=True)


# What should be flat: the cost of a message however many connections there are, and that of an octet however
# large the message is.
BY_CONNECTIONS = [by_connections(connections) for connections in (1, 10, 100, 1_000, 10_000)]
BY_SIZE = [by_size(size) for size in (KIB, 16 * KIB, 256 * KIB, 4 * MIB, 64 * MIB, 1024 * MIB)]
# Sessions that are idle in one process.
MANY = 50_000

# What is done on one core and on two.
CORES = [SERVER_LOADS[1], SERVER_LOADS[4]]

# System calls for each message of these.
CALLS = {
    SERVER_LOADS[0].name: Target(12.1),
    SERVER_LOADS[2].name: Target(4.6),
}

IDLE = {False: ("plain", (Target(1_500), Target(1_200, by=OURS_SMOL))), True: ("inside TLS", ())}

PIPELINING = f"{OURS_CLIENT}, pipelining"

# Where it is told what is the kernel's part, which is known by samples: loads so many times as long, of messages of
# no more octets, by these.
LONGER, OFTEN = 6, 100 * KIB
COMPARED = (OURS_CLIENT, PIPELINING, SOURCE)


@dataclasses.dataclass(frozen=True)
class ClientLoad:
    name: str
    connections: int
    messages: int
    size: int
    targets: tuple
    # What is told is time, not CPU.
    time: bool = False


CLIENT_LOADS = [
    ClientLoad("1 KiB, 10 connections", 10, 6_000, KIB,
               (Target(1.0, SOURCE, OURS_CLIENT), Target(0.55, SOURCE, PIPELINING))),
    ClientLoad("100 KiB, 10 connections", 10, 600, 100 * KIB,
               (Target(0.65, SOURCE, OURS_CLIENT), Target(0.65, SOURCE, PIPELINING))),
    ClientLoad("1 KiB, one connection: time", 1, 2_000, KIB, (Target(1 / 1.5, SOURCE, PIPELINING),), time=True),
]
