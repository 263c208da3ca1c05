"""`smtp send` delivers to Dovecot's LMTP; Dovecot also says who may log in to Postfix."""

import pwd

import messages
from harness import Table, check, connects, free_ports, only_file, wait_for
from install import program as installed
from messages import difference, without_trace
from sender import Sending
from serve import DOMAIN, PASSWORD, USER

NAME = "Dovecot"
MAILBOXES = ["lmtp-tcp", "lmtp-unix", "one", "two", "three", "eight-bit", "dots", "no-body", "long-lines", "large",
             "unix-lines", "attachment", "unknown-too", "all", USER]


class Dovecot:
    """An own instance: LMTP on TCP and on a Unix socket, Maildirs, and authentication for Postfix."""

    def __init__(self, place, name="dovecot", auth_user="root"):
        self.place = place
        here = place.directory / name
        here.mkdir()
        self.unix, self.auth = str(here / "lmtp.sock"), str(here / "auth.sock")
        (self.port,) = free_ports(1)
        owner = pwd.getpwnam("nobody")
        mail = here / "mail"
        mail.mkdir()
        mail.chmod(0o777)
        passwords = [f"{name}@{DOMAIN}:{{PLAIN}}{PASSWORD}" for name in MAILBOXES] + [f"{USER}:{{PLAIN}}{PASSWORD}"]
        users = place.file(f"{name}/users", "".join(f"{line}::::::\n" for line in passwords))
        config = place.file(f"{name}/dovecot.conf", f"""
protocols = lmtp
base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/log
mail_debug = yes
ssl = no
disable_plaintext_auth = no
hostname = mx.dovecot.example
postmaster_address = postmaster@{DOMAIN}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{mail}/%u
lmtp_save_to_detail_mailbox = no
lmtp_rcpt_check_quota = no
auth_mechanisms = plain login
auth_failure_delay = 0
default_vsz_limit = 0
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = passwd-file
  args = {users}
  override_fields = uid={owner.pw_uid} gid={owner.pw_gid} home={mail}/%u.home
}}
service lmtp {{
  unix_listener {self.unix} {{
    mode = 0600
  }}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.port}
  }}
}}
service auth {{
  unix_listener {self.auth} {{
    mode = 0600
    user = {auth_user}
  }}
}}
service stats {{
  chroot =
}}
""")
        self.mail = mail
        self.process = place.start([installed("dovecot"), "-F", "-c", str(config)])
        wait_for(lambda: connects(("127.0.0.1", self.port)), "Dovecot")

    def check_delivered(self, address, message):
        found = only_file(self.mail / address / "new")
        differs = difference(message, without_trace(found.replace(b"\n", b"\r\n")))
        check(differs is None, differs)

    def check_nothing(self, address):
        check(not (self.mail / address / "new").is_dir(), f"something was delivered to {address}")


def cases(place, program, _tls, peers):
    table = Table("smtp send delivers to", [NAME])
    if NAME not in peers:
        return table
    server = Dovecot(place)
    send = Sending(table, NAME, place, program, server, f"127.0.0.1:{server.port}", ["--lmtp"])
    unix = Sending(table, NAME, place, program, server, f"unix:{server.unix}", ["--lmtp"])
    send.delivered("LMTP on TCP", "lmtp-tcp", traced=["LHLO ", "BDAT "])
    unix.delivered("LMTP on a Unix socket", "lmtp-unix", traced=["LHLO "])
    send.delivered("8-bit content", "eight-bit", messages.EIGHT_BIT, traced=["BODY=8BITMIME"])
    send.delivered("leading dots", "dots", messages.DOTS)
    send.delivered("no body", "no-body", messages.NO_BODY)
    send.delivered("long lines", "long-lines", messages.LONG_LINES)
    send.delivered("25 MiB", "large", messages.large(25 * 1024 * 1024))
    send.delivered("lines that end with LF", "unix-lines", messages.DOTS, unix_lines=True)
    send.attachment("attachment", "attachment")
    unix.several("some recipients unknown", ["one", "nobody-1", "two", "nobody-2", "three"], ["nobody-1", "nobody-2"])
    send.several("all recipients unknown", ["nobody-3", "nobody-4"], ["nobody-3", "nobody-4"])
    return table
