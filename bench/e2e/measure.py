"""What a process costs, by the kernel's books."""

import contextlib
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
import typing

# So many sockets as idle sessions need; root may have more than it was given.
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
if FILES < 65_536 and os.geteuid() == 0:
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (65_536, 65_536))
        FILES = 65_536
resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))

# The server has the first core it may run on, the generator the last.
CORES = sorted(os.sched_getaffinity(0))
SERVER, GENERATOR = CORES[:1], CORES[-1:]
HAS_PERF = shutil.which("perf") is not None


class Run(typing.NamedTuple):
    """Microseconds that a program took: of CPU, of that in the kernel, and of time."""

    cpu: float
    kernel: float
    time: float


class Failed(Exception):
    """Something that was to be measured did not do its work."""


def on(cores):
    return lambda: os.sched_setaffinity(0, cores)


def free_port():
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def cpu(pid):
    """Nanoseconds that a process has run, with its threads, those that have ended included."""
    # The clock of a process, as clock_getcpuclockid(3) makes it.
    return time.clock_gettime_ns((~pid << 3) | 2)


def part_in_kernel(pid):
    """How much of what a process has run was in the kernel, from 0 to 1: by samples, which want a long run."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, kernel = int(fields[11]), int(fields[12])
    return kernel / (user + kernel)


def of_busiest(pid):
    """Nanoseconds that the thread has run that has run most, of those that are there."""
    ran = [int(stat.read_text().split()[0]) for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return max(ran)


def resident(pid, peak=False):
    """Octets of memory that a process has, or that it had at its peak."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    name = "VmHWM" if peak else "VmRSS"
    return int(re.search(rf"^{name}:\s*(\d+) kB", status, re.MULTILINE)[1]) * 1024


def wait_for(port, process, tls=False):
    """Until a server accepts, and greets."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Failed(f"ended with {process.returncode}: {process.stderr.read().decode(errors='replace')[-500:]}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as stream:
            if tls or stream.recv(512).startswith(b"220"):
                return
        time.sleep(0.02)
    raise Failed("does not listen")


@contextlib.contextmanager
def serving(command, port, environment=None, tls=False, cores=SERVER):
    """Runs a server on its core, or on others, until the block is over."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               env={**os.environ, **(environment or {})}, preexec_fn=on(cores))
    try:
        wait_for(port, process, tls)
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def generate(command, environment=None, time_limit=120, cores=GENERATOR):
    """Runs a generator on its core, or on others, to its end."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env={**os.environ, **(environment or {})}, preexec_fn=on(cores))
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        output, _ = process.communicate(timeout=time_limit)
    except subprocess.TimeoutExpired as expired:
        process.kill()
        process.wait()
        raise Failed(f"{command[0]}: not done in {time_limit} s") from expired
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    if process.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: {output.decode(errors='replace')[-500:]}")
    kernel = after.ru_stime - before.ru_stime
    return Run(1e6 * (after.ru_utime - before.ru_utime + kernel), 1e6 * kernel, 1e6 * (ended - begun))


@contextlib.contextmanager
def counting_calls(pid):
    """Counts the system calls of a process: a list that has their number when the block is over."""
    command = ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", str(pid)]
    perf = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    counted = []
    try:
        time.sleep(0.3)
        yield counted
    finally:
        perf.send_signal(signal.SIGINT)
        _, told = perf.communicate(timeout=20)
    line = next((line for line in told.decode().splitlines() if "sys_enter" in line), "")
    if not line[:1].isdigit():
        raise Failed(f"perf: {told.decode(errors='replace')[-300:]}")
    counted.append(int(line.split(",")[0]))


@contextlib.contextmanager
def holding(commands, pid, count):
    """Has generators hold so many connections to a server while the block runs."""
    # Until the connection that looked whether it listens is gone.
    time.sleep(0.3)
    before = sockets(pid)
    processes = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  preexec_fn=on(GENERATOR)) for command in commands]
    try:
        end = time.monotonic() + 120
        while sockets(pid) < before + count:
            ended = [process for process in processes if process.poll() is not None]
            if ended or time.monotonic() > end:
                told = "".join(process.stderr.read().decode(errors="replace") for process in ended)
                raise Failed(f"{' '.join(map(str, commands[0]))}: {sockets(pid) - before} of {count} are open; {told}")
            time.sleep(0.05)
        # The last of them is accepted, and is to have said EHLO.
        time.sleep(1)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
            process.stderr.close()


def sockets(pid):
    """How many file descriptors a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def let_go(pid, left):
    """Waits until a server has no more file descriptors than were left to it, and a few that it opened for itself."""
    end = time.monotonic() + 20
    while sockets(pid) > left + 16:
        if time.monotonic() > end:
            raise Failed(f"holds {sockets(pid) - left} connections whose clients are gone")
        time.sleep(0.05)
