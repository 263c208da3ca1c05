"""What `run` needs, and where it is.

Mail servers all want to be the one of a system, so they cannot be installed together. All but Postfix are therefore
only unpacked, into directories of ours; what they are linked with is installed as usual. Packages of Node.js and of
Python go into directories of ours too, and what uses crates of others is built there.
"""

import functools
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

import private

PACKAGES = ["adduser", "gsasl", "swaks", "libnet-ssleay-perl", "msmtp", "curl", "postfix", "libsasl2-modules",
            "dovecot-core", "dovecot-lmtpd", "dovecot-submissiond", "haproxy", "nginx-core", "libnginx-mod-mail", "python3",
            "python3-pip", "openssl", "sasl2-bin", "m4"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "smtp-interop"
EXIM_USER = "Debian-exim"
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/lib/postfix/sbin"])
# Mail servers whose packages are only unpacked, each into a directory of this one.
UNPACKED_PACKAGES = CACHE / "packages"
SERVERS = {
    "exim": ["exim4-daemon-heavy"],
    "opensmtpd": ["opensmtpd"],
    "sendmail": ["sendmail-bin", "sendmail-cf"],
}
PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
# Where the packages of Node.js and of Python are put.
NODE, PYTHON = CACHE / "node" / "node_modules", CACHE / "python"
MAIL_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_mail_module.so")
# Where the clients for Rust are built, outside the workspace.
RUST = CACHE / "rust"
# What is not on the path: a program, or a file by which a package is known.
UNPACKED = {
    "dovecot-submission": pathlib.Path("/usr/lib/dovecot/submission"),
    "nginx-mail": MAIL_MODULE,
    "exim4": UNPACKED_PACKAGES / "exim" / "usr" / "sbin" / "exim4",
    "sendmail": UNPACKED_PACKAGES / "sendmail" / "usr" / "libexec" / "sendmail" / "sendmail",
    "opensmtpd": UNPACKED_PACKAGES / "opensmtpd" / "usr" / "sbin" / "smtpd",
    "nodemailer": NODE / "nodemailer" / "package.json",
    "haraka": NODE / "Haraka" / "bin" / "haraka",
    "smtp-server": NODE / "smtp-server" / "package.json",
    "aiosmtpd": PYTHON / "aiosmtpd" / "__init__.py",
    "pyOpenSSL": PYTHON / "OpenSSL" / "__init__.py",
    "lettre": RUST / "debug" / "lettre",
    "mail-send": RUST / "debug" / "mail-send",
    "aiosmtplib": PYTHON / "aiosmtplib" / "__init__.py",
}


def program(name):
    """Where a program is, or None; those of system services are looked for too."""
    if name == "private root":
        return name if private_root() else None
    if found := shutil.which(name, path=PATH):
        return found
    unpacked = UNPACKED.get(name)
    return str(unpacked) if unpacked and unpacked.is_file() else None


@functools.cache
def private_root():
    with tempfile.TemporaryDirectory(prefix="smtp-interop-") as directory:
        return private.possible(directory)


def lacking(programs):
    return {name for name in programs if program(name) is None}


def install():
    debian()
    if shutil.which("npm"):
        (CACHE / "node").mkdir(parents=True, exist_ok=True)
        shutil.copy(PROGRAMS / "package.json", CACHE / "node")
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                       cwd=CACHE / "node", check=True)
    else:
        print("no npm: what needs Node.js (20 or later) is left out")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--disable-pip-version-check",
                    "--root-user-action", "ignore", "--target", PYTHON, "--requirement", PROGRAMS / "requirements.txt"],
                   check=True)
    subprocess.run(["cargo", "build", "--locked", "--quiet", "--target-dir", RUST,
                    "--manifest-path", PROGRAMS / "rust" / "Cargo.toml"], check=True)


def debian():
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "Dpkg::Options::=--force-confold"]
    subprocess.run([*apt, "update"], check=True, env=environment)
    packages = list(PACKAGES)
    with tempfile.TemporaryDirectory(prefix="smtp-interop-") as directory:
        archives = {}
        for server, names in SERVERS.items():
            there = pathlib.Path(directory, server)
            there.mkdir()
            subprocess.run([*apt, "download", *names], cwd=there, check=True, env=environment)
            archives[server] = list(there.glob("*.deb"))
            packages += [library for archive in archives[server] for library in libraries(archive)]
        subprocess.run([*apt, "install", "-y", "--no-install-recommends", *packages], check=True, env=environment)
        for server, found in archives.items():
            into = UNPACKED_PACKAGES / server
            shutil.rmtree(into, ignore_errors=True)
            into.mkdir(parents=True)
            for archive in found:
                subprocess.run(["dpkg", "--extract", archive, into], check=True)
    try:
        pwd.getpwnam(EXIM_USER)
    except KeyError:  # its name is built into Exim, which does not start without it
        subprocess.run(["adduser", "--system", "--group", "--quiet", "--home", "/nonexistent", "--no-create-home",
                        "--allow-bad-names", EXIM_USER], check=True)


def libraries(archive):
    """The packages with the libraries that a package depends on."""
    fields = subprocess.run(["dpkg-deb", "--field", archive, "Depends"], check=True, stdout=subprocess.PIPE)
    return re.findall(r"\blib[a-z0-9.+-]+", fields.stdout.decode())
