"""Dovecot's LMTP. Dovecot also says who may log in to Postfix and Exim."""

import pwd

import delivering
from harness import connects, free_ports, wait_for
from install import program as installed
from peer import MAILBOXES, MailServer
from tokens import TOKENS
from sender import Client, Sending
from serve import DOMAIN, PASSWORD, USER
from table import Table

NAME = "Dovecot"
NEEDS, AS_ROOT = ["dovecot"], True


class Dovecot(MailServer):
    """An own instance: LMTP on TCP and on a Unix socket, Maildirs, and authentication for others."""

    name = NAME

    def __init__(self, place, name="dovecot", auth_user="root", more=""):
        super().__init__()
        self.place = place
        here = place.directory / name
        here.mkdir()
        self.unix, self.auth = str(here / "lmtp.sock"), str(here / "auth.sock")
        (self.port,) = free_ports(1)
        owner = pwd.getpwnam("nobody")
        mail = here / "mail"
        mail.mkdir()
        mail.chmod(0o777)
        passwords = [f"{name}:{{PLAIN}}{PASSWORD}"
                     for name in [*(f"{box}@{DOMAIN}" for box in [*MAILBOXES, USER]), USER]]
        users = place.file(f"{name}/users", "".join(f"{line}::::::\n" for line in passwords))
        tokens = place.file(f"{name}/tokens.conf", f"""
introspection_mode = get
introspection_url = http://127.0.0.1:{TOKENS.port}/?token=
username_attribute = username
active_attribute = active
active_value = true
""")
        config = place.file(f"{name}/dovecot.conf", f"""
protocols = lmtp {"submission" if "submission" in more else ""}
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
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 oauthbearer xoauth2
auth_failure_delay = 0
default_vsz_limit = 0
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {tokens}
}}
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
# Else each wrong password makes the next login wait longer.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
{more}
""")
        self.mail, self.log_file = mail, here / "log"
        self.process = place.start([installed("dovecot"), "-F", "-c", str(config)])
        wait_for(lambda: connects(("127.0.0.1", self.port)), NAME)

    def log(self):
        return self.log_file.read_text(errors="backslashreplace")


def cases(place, program, _tls):
    table = Table("smtp send delivers to", [NAME])
    server = Dovecot(place)
    send = Sending(table, server, Client(place, program, f"127.0.0.1:{server.port}", "--lmtp"))
    unix = Sending(table, server, Client(place, program, f"unix:{server.unix}", "--lmtp"))
    send.delivered("LMTP, on TCP", traced=["LHLO ", "BDAT "])
    unix.delivered("LMTP, on a Unix socket", traced=["LHLO "])
    send.delivered("CHUNKING", traced=["C: BDAT "], untraced=["C: DATA"])
    send.delivered("DATA", arguments=delivering.BY_DATA, traced=["C: DATA"], untraced=["C: BDAT "])
    delivering.content(send)
    unix.several("some recipients unknown", 3, 2, "550 5.1.1 ")
    send.several("unknown recipient", 0, 2, "550 5.1.1 ")
    return table
