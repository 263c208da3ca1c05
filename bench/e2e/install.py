"""What `run` measures: brought from the registries, unpacked into a cache of ours, built."""

import os
import pathlib
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
        scratch = CACHE / "debian"
        scratch.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            quiet("apt-get", "-qq", "update")
            missing = [name for name in POSTFIX_LIBRARIES if not is_installed(name)]
            if missing:
                environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
                quiet("apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing, env=environment)
        quiet("apt-get", "-qq", "download", "postfix", cwd=scratch)
        (archive,) = scratch.glob("postfix_*.deb")
        quiet("dpkg", "--extract", archive, POSTFIX)
        shutil.rmtree(scratch)
    return programs, {"LD_LIBRARY_PATH": str(POSTFIX / "usr" / "lib" / "postfix")}


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
