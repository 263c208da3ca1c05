"""What `run` needs from Debian, and where it is.

Exim and Postfix both want to be the mail server of a system, so they cannot be installed together. Exim is
therefore only unpacked, into a directory of ours; what it is linked with is installed as usual.
"""

import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile

PACKAGES = ["adduser", "gsasl", "swaks", "libnet-ssleay-perl", "msmtp", "curl", "postfix", "libsasl2-modules", "dovecot-core",
            "dovecot-lmtpd", "haproxy", "python3", "openssl"]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "smtp-interop"
EXIM_PACKAGE, EXIM_USER = "exim4-daemon-heavy", "Debian-exim"
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/lib/postfix/sbin"])
UNPACKED = {"exim4": CACHE / "exim" / "usr" / "sbin" / "exim4"}


def program(name):
    """Where a program is, or None; those of system services are looked for too."""
    if found := shutil.which(name, path=PATH):
        return found
    unpacked = UNPACKED.get(name)
    return str(unpacked) if unpacked and unpacked.is_file() else None


def lacking(programs):
    return {name for name in programs if program(name) is None}


def install():
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
