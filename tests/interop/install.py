"""What `run` needs, and where it is.

Exim and Postfix both want to be the mail server of a system, so they cannot be installed together. Exim is
therefore only unpacked, into a directory of ours; what it is linked with is installed as usual. Packages of Node.js
and of Python go into directories of ours too.
"""

import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile

PACKAGES = ["adduser", "gsasl", "swaks", "libnet-ssleay-perl", "msmtp", "curl", "postfix", "libsasl2-modules",
            "dovecot-core", "dovecot-lmtpd", "dovecot-submissiond", "haproxy", "python3", "python3-pip", "openssl"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "smtp-interop"
EXIM_PACKAGE, EXIM_USER = "exim4-daemon-heavy", "Debian-exim"
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/lib/postfix/sbin"])
PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
# Where the packages of Node.js and of Python are put.
NODE, PYTHON = CACHE / "node" / "node_modules", CACHE / "python"
# What is not on the path: a program, or a file by which a package is known.
UNPACKED = {
    "dovecot-submission": pathlib.Path("/usr/lib/dovecot/submission"),
    "exim4": CACHE / "exim" / "usr" / "sbin" / "exim4",
    "nodemailer": NODE / "nodemailer" / "package.json",
    "smtp-server": NODE / "smtp-server" / "package.json",
    "aiosmtpd": PYTHON / "aiosmtpd" / "__init__.py",
    "aiosmtplib": PYTHON / "aiosmtplib" / "__init__.py",
}


def program(name):
    """Where a program is, or None; those of system services are looked for too."""
    if found := shutil.which(name, path=PATH):
        return found
    unpacked = UNPACKED.get(name)
    return str(unpacked) if unpacked and unpacked.is_file() else None


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


def debian():
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "Dpkg::Options::=--force-confold"]
    subprocess.run([*apt, "update"], check=True, env=environment)
    packages = list(PACKAGES)
    with tempfile.TemporaryDirectory(prefix="smtp-interop-") as directory:
        if program("exim4") is None:
            subprocess.run([*apt, "download", EXIM_PACKAGE], cwd=directory, check=True, env=environment)
            (archive,) = pathlib.Path(directory).glob("*.deb")
            packages += libraries(archive)
        subprocess.run([*apt, "install", "-y", "--no-install-recommends", *packages], check=True, env=environment)
        if program("exim4") is None:
            CACHE.mkdir(parents=True, exist_ok=True)
            subprocess.run(["dpkg", "--extract", archive, CACHE / "exim"], check=True)
    try:
        pwd.getpwnam(EXIM_USER)
    except KeyError:  # its name is built into Exim, which does not start without it
        subprocess.run(["adduser", "--system", "--group", "--quiet", "--home", "/nonexistent", "--no-create-home",
                        "--allow-bad-names", EXIM_USER], check=True)


def libraries(archive):
    """The packages with the libraries that a package depends on."""
    fields = subprocess.run(["dpkg-deb", "--field", archive, "Depends"], check=True, stdout=subprocess.PIPE)
    return re.findall(r"\blib[a-z0-9.+-]+", fields.stdout.decode())
