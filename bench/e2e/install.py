"""What `run` measures: brought from the registries, unpacked into a cache of ours, built."""

import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "smtp-bench"

POSTFIX = CACHE / "postfix"
POSTFIX_LIBRARIES = ["libdb5.3", "libicu72", "libnsl2"]
PYTHON = CACHE / "python" / "bin" / "python3"
NODE_MODULES = CACHE / "node" / "node_modules"
AIOSMTPD = "aiosmtpd==1.4.6"
MATPLOTLIB = "matplotlib==3.10.7"
NODEMAILER = "smtp-server@3.21.6"
GO = CACHE / "go"
# The first does not say that it needs the second.
GO_SMTP = ["golang-github-emersion-go-smtp-dev", "golang-github-emersion-go-sasl-dev"]
PEERS = HERE / "peers"


def quiet(*command, **more):
    """Runs what brings or builds something; what it prints is shown where it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout.decode(errors='replace')[-2000:]}")


def smtp():
    """The program that is measured."""
    if given := os.environ.get("SMTP_BIN"):
        return pathlib.Path(given).resolve()
    subprocess.run(["cargo", "build", "--locked", "--release", "-p", "smtp-cli"], cwd=ROOT, check=True)
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release" / "smtp"


def peers():
    """The floor, and the clients of others."""
    subprocess.run(["cargo", "build", "--locked", "--release"], cwd=PEERS, check=True)
    return PEERS / os.environ.get("CARGO_TARGET_DIR", "target") / "release"


def postfix():
    """smtp-sink and smtp-source: only unpacked, so that this host gets no mail server."""
    programs = POSTFIX / "usr" / "sbin"
    if not (programs / "smtp-sink").is_file():
        wanted(*POSTFIX_LIBRARIES)
        unpack(POSTFIX, "postfix")
    return programs, {"LD_LIBRARY_PATH": str(POSTFIX / "usr" / "lib" / "postfix")}


def go_smtp(source):
    """A server around go-smtp, whose source Debian has."""
    program = GO / source.stem
    if not program.is_file() or program.stat().st_mtime < source.stat().st_mtime:
        if not shutil.which("go"):
            wanted("golang-go")
        if not (GO / "usr").is_dir():
            unpack(GO, *GO_SMTP)
        environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO / "usr" / "share" / "gocode"),
                       "GOCACHE": str(GO / "cache"), "CGO_ENABLED": "0"}
        quiet("go", "build", "-o", program, source, env=environment)
    return program


def wanted(*packages):
    """Installs what is missing of these packages of Debian, if this is root."""
    if os.geteuid() == 0:
        quiet("apt-get", "-qq", "update")
        if missing := [name for name in packages if not is_installed(name)]:
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            quiet("apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing, env=environment)


def unpack(directory, *packages):
    """Has these packages of Debian in a directory, and installs none."""
    scratch = CACHE / "debian"
    scratch.mkdir(parents=True, exist_ok=True)
    quiet("apt-get", "-qq", "download", *packages, cwd=scratch)
    for archive in scratch.glob("*.deb"):
        quiet("dpkg", "--extract", archive, directory)
    shutil.rmtree(scratch)


def versions():
    """Of the peers that are there, which versions they are."""
    lock = (PEERS / "Cargo.lock").read_text()

    def locked(name):
        return re.search(rf'name = "{name}"\nversion = "([^"]*)"', lock)[1]

    def of_debian(directory, package):
        with gzip.open(directory / "usr" / "share" / "doc" / package / "changelog.Debian.gz", "rt") as log:
            return re.search(r"\((.*?)(?:-[^-]*)?\)", log.readline())[1]

    found = {name: locked(name) for name in ("tokio", "smol", "lettre", "mail-send")}
    if POSTFIX.is_dir():
        found["Postfix"] = of_debian(POSTFIX, "postfix")
    if GO.is_dir() and shutil.which("go"):
        go = subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout.split()[2]
        found["go-smtp"] = f"{of_debian(GO, GO_SMTP[0])} by {go}"
    if NODE_MODULES.is_dir() and shutil.which("node"):
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        found["nodemailer's smtp-server"] = f"{NODEMAILER.partition('@')[2]} by node {node}"
    if PYTHON.is_file():
        python = subprocess.run([PYTHON, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        found["aiosmtpd"] = f"{AIOSMTPD.partition('==')[2]} by {python}"
    return found


def is_installed(package):
    asked = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(asked, capture_output=True, check=False).stdout == b"installed"


def python(module, package):
    """A python that has a module."""
    if not PYTHON.is_file():
        quiet(sys.executable, "-m", "venv", PYTHON.parents[1])
    if subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True, check=False).returncode != 0:
        quiet(PYTHON, "-m", "pip", "install", "--quiet", package)
    return PYTHON


def aiosmtpd():
    return python("aiosmtpd", AIOSMTPD)


def matplotlib():
    return python("matplotlib", MATPLOTLIB)


def nodemailer():
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        raise RuntimeError("needs node and npm")
    if not (NODE_MODULES / "smtp-server").is_dir():
        NODE_MODULES.parent.mkdir(parents=True, exist_ok=True)
        quiet(npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", NODE_MODULES.parent, NODEMAILER)
    return node


def certificate():
    """A certificate and its key, for the servers that make none themselves."""
    cert, key = CACHE / "cert.pem", CACHE / "key.pem"
    if not cert.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        quiet("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
              "-subj", "/CN=peer.example", "-days", "3650", "-keyout", key, "-out", cert)
    return cert, key
