"""Cases, their table, and the processes and files they need."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time
import traceback

OK, FAILED = "ok", "FAILED"

# When everything fails the run still ends: from here on nothing is waited for any longer.
PATIENCE = time.monotonic() + 120


class Failure(Exception):
    """A case that did not go as it should."""


def check(condition, said):
    if not condition:
        raise Failure(said)


class Table:
    """The result of each feature with each peer."""

    def __init__(self, title, peers):
        self.title = title
        self.peers = peers
        self.rows = {}
        self.failures = []

    @contextlib.contextmanager
    def case(self, feature, peer):
        """Runs the body as a case: what it raises becomes a failure in the table."""
        try:
            yield
            self.rows.setdefault(feature, {}).setdefault(peer, OK)
        except Exception as error:
            told = str(error) if isinstance(error, Failure) else traceback.format_exc()
            self.rows.setdefault(feature, {})[peer] = FAILED
            self.failures.append(f"{self.title}: {feature}: {peer}\n{indent(told)}")

    def take(self, other):
        """Adds the peers, the features and the failures of a table with the same title."""
        self.peers = [*self.peers, *(peer for peer in other.peers if peer not in self.peers)]
        for feature, results in other.rows.items():
            self.rows.setdefault(feature, {}).update(results)
        self.failures += other.failures

    def print(self):
        wide = max([len(self.title), *map(len, self.rows)])
        columns = [max(len(peer), len(FAILED)) for peer in self.peers]
        print(f"{self.title:{wide}}", *(f"{p:{w}}" for p, w in zip(self.peers, columns)), sep="  ")
        for feature, results in self.rows.items():
            cells = (f"{results.get(p, '-'):{w}}" for p, w in zip(self.peers, columns))
            print(f"{feature:{wide}}", *cells, sep="  ")
        print()


def indent(text):
    lines = text.strip().splitlines()
    if len(lines) > 60:
        lines = lines[:20] + ["..."] + lines[-40:]
    return "\n".join("    " + line for line in lines)


class Place:
    """A directory of files, the processes that were started, and what ends them."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.chmod(0o755)  # servers under other users go through it
        self.processes = []

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


def free_ports(count):
    """Ports on which nothing listens, all different."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(count):
            held = stack.enter_context(socket.socket())
            held.bind(("127.0.0.1", 0))
            ports.append(held.getsockname()[1])
        return ports


def wait_for(what, said, seconds=10):
    """Calls `what` until it returns something true, and returns that."""
    end = min(time.monotonic() + seconds, max(PATIENCE, time.monotonic() + 0.5))
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
