"""The processes and files that cases need."""

import contextlib
import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time

from table import Failure, check

# When everything fails the run still ends: so many seconds after its begin nothing is waited for any longer.
PATIENCE = 240
BEGAN = time.monotonic()


def begin():
    """Now, with all that was to be installed and built."""
    global BEGAN
    BEGAN = time.monotonic()


class Place:
    """A directory of files, the processes that were started, and what ends them."""

    def __init__(self, directory, processes=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.directory.chmod(0o755)  # servers under other users go through it
        self.processes = [] if processes is None else processes

    def below(self, name):
        """A directory of its own in this one; its processes end with those of this one."""
        return Place(self.directory / name, self.processes)

    def file(self, name, content, mode=0o644):
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def start(self, command, **options):
        """A process in a group of its own."""
        process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    def end(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if process.stdout:
                process.stdout.close()


def run(command, **options):
    """Runs a program to its end; the output is stdout and stderr as they came."""
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60, check=False, **options)


def text(result):
    return f"exit {result.returncode}\n" + result.stdout.decode(errors="backslashreplace")


class Ports:
    """Ports on which nothing listens. They are below those that the system takes for clients, so that none is
    taken before its server has started; none is given twice."""

    def __init__(self, first=10_000, last=32_000):
        self.first, self.last = first, last
        self.next = random.randrange(first, last)
        self.lock = threading.Lock()

    def free(self):
        with self.lock:
            while True:
                port, self.next = self.next, self.next + 1 if self.next < self.last else self.first
                with contextlib.closing(socket.socket()) as held:
                    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    with contextlib.suppress(OSError):
                        held.bind(("127.0.0.1", port))
                        return port


PORTS = Ports()


def free_ports(count):
    return [PORTS.free() for _ in range(count)]


def wait_for(what, said, seconds=10):
    """Calls `what` until it returns something true, and returns that."""
    end = min(time.monotonic() + seconds, max(BEGAN + PATIENCE, time.monotonic() + 0.5))
    while True:
        result = what()
        if result:
            return result
        if time.monotonic() > end:
            raise Failure(f"waited {seconds} s in vain for {said}")
        time.sleep(0.02)


def connects(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as client:
        client.settimeout(5)
        return client.connect_ex(address) == 0


def only_file(directory, seconds=10):
    """The content of the one file that is, or soon will be, in a directory."""
    def there():
        return list(directory.iterdir()) if directory.is_dir() else []
    files = wait_for(there, f"a file in {directory}", seconds)
    check(len(files) == 1, f"{len(files)} files in {directory}")
    return files[0].read_bytes()


def certificate(place):
    """A certification authority of our own and a certificate for localhost and 127.0.0.1."""
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    place.file("tls/leaf.ext", f"basicConstraints=CA:FALSE\n{names}\nextendedKeyUsage=serverAuth\n")
    tls = place.directory / "tls"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    steps = [
        ["req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "2",
         "-addext", "keyUsage=critical,keyCertSign"],
        ["req", *curve, "-keyout", "key.pem", "-out", "leaf.csr", "-subj", "/CN=localhost"],
        ["x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2", "-days", "2",
         "-extfile", "leaf.ext", "-out", "cert.pem"],
    ]
    for step in steps:
        result = run(["openssl", *step], cwd=tls)
        check(result.returncode == 0, text(result))
    return tls / "ca.pem", tls / "cert.pem", tls / "key.pem"
