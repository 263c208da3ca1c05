"""Exim, which lets no client send before its turn. Dovecot says who may log in by SCRAM and by token."""

import os
import pwd
import shutil

import delivering
import relaying
import upstream
from delivering import LIMIT, LISTENERS
from harness import connects, free_ports, wait_for
from install import EXIM_USER, program as installed
from messages import LARGE
from peer import MAILBOXES, MailServer
from peers.dovecot import Dovecot
from relaying import LOGINS, WAYS, Behind, domain
from serve import DOMAIN, PASSWORD, USER

NAME = "Exim"
NEEDS, AS_ROOT = ["exim4", "dovecot"], True
BY_DOVECOT = ["SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"]


def named(way):
    """A way or a mechanism as Exim can have it for a name."""
    return way.replace("-", "_")


class Exim(MailServer):
    """An own instance: own configuration, spool and processes, none of them as root."""

    name = NAME
    cannot = {
        "AUTH SCRAM-SHA-1-PLUS", "AUTH SCRAM-SHA-256-PLUS",  # Dovecot is not told the channel binding
        "no extension, not even SIZE", "8-bit content, 8BITMIME not offered",  # both are always offered
        "relays AUTH SCRAM-SHA-1", "relays AUTH SCRAM-SHA-256",  # Debian builds it without gsasl
        "XCLIENT", "XFORWARD",
    }

    def __init__(self, place, tls, auth, behind):
        super().__init__()
        self.here = here = place.directory / "exim"
        self.mail = here / "mail"
        for directory in (here, self.mail, here / "spool", here / "logs"):
            directory.mkdir()
        self.ports = dict(zip([*LISTENERS, "proxied"], free_ports(len(LISTENERS) + 1)))
        boxes = place.file("exim/mailboxes", "".join(f"{box}: {box}\n" for box in MAILBOXES))
        shutil.copy(installed("exim4"), here / "exim4")  # where its user may run it, and not as root
        os.chmod(here / "exim4", 0o755)
        shutil.copy(tls[2], here / "key.pem")
        config = place.file("exim/config", self.main(tls) + self.acls() + self.routers(boxes)
                            + self.transports(tls, behind) + self.authenticators(auth))
        user = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam(EXIM_USER)
            user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            for path in (here, self.mail, here / "spool", here / "logs", here / "key.pem"):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        log = open(here / "stderr", "wb")
        place.start([str(here / "exim4"), "-C", str(config), "-bdf"], stderr=log, stdout=log, **user)
        wait_for(lambda: connects(("127.0.0.1", self.ports["all"])), "Exim")

    def on(self, *names):
        """A host list: nobody on these listeners, everybody elsewhere."""
        ports = ":".join(str(self.ports[name]) for name in names)
        return f"${{if inlist{{$received_port}}{{{ports}}}{{!*}}{{*}}}}"

    def main(self, tls):
        return f"""
primary_hostname = mx.exim.example
exim_path = {self.here}/exim4
spool_directory = {self.here}/spool
log_file_path = {self.here}/logs/%slog
pid_file_path = {self.here}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {' : '.join(str(port) for port in self.ports.values())}
tls_on_connect_ports = {self.ports['implicit']}
keep_environment =
timezone = UTC
deliver_drop_privilege = true
never_users =
host_lookup =
rfc1413_hosts =
dns_dnssec_ok = 0
dkim_verify_signers =
allow_utf8_domains = true
log_selector = +smtp_protocol_error +received_recipients +tls_peerdn
smtp_accept_max = 0
smtp_accept_max_per_connection = 1000
message_size_limit = ${{if eq{{$received_port}}{{{self.ports['small']}}}{{{LIMIT}}}{{{LARGE + 1_000_000}}}}}
tls_certificate = {tls[1]}
tls_privatekey = {self.here}/key.pem
tls_advertise_hosts = {self.on('bare')}
chunking_advertise_hosts = {self.on('bare')}
pipelining_advertise_hosts = {self.on('bare')}
dsn_advertise_hosts = {self.on('bare')}
smtputf8_advertise_hosts = {self.on('bare')}
hosts_proxy = ${{if eq{{$received_port}}{{{self.ports['proxied']}}}{{*}}{{}}}}
acl_smtp_rcpt = recipient
domainlist relayed = {' : '.join(map(domain, WAYS))}
"""

    @staticmethod
    def acls():
        return f"""
begin acl
recipient:
  accept authenticated = *
         domains = {DOMAIN}
  accept domains = +relayed
  require domains = {DOMAIN}
  require verify = recipient
  accept
"""

    @staticmethod
    def routers(boxes):
        ways = "".join(f"""
to_{named(way)}:
  driver = manualroute
  domains = {domain(way)}
  route_list = * 127.0.0.1 byname
  self = send
  host_find_failed = fail
  transport = {named(way)}
""" for way in WAYS)
        return f"""
begin routers
{ways}
boxes:
  driver = accept
  domains = {DOMAIN}
  local_parts = lsearch;{boxes}
  transport = maildir
"""

    def transports(self, tls, behind):
        secure = (f"  hosts_require_tls = *\n  tls_verify_certificates = {tls[0]}\n  tls_verify_hosts = *\n"
                  "  tls_verify_cert_hostnames =\n")
        options = {
            "data": "  hosts_try_chunking =\n",
            "starttls": secure,
            "implicit": f"  protocol = smtps\n{secure}",
            "lmtp": "  protocol = lmtp\n",
            **{way: f"  hosts_require_auth = *\n{secure}" for way in LOGINS},
        }
        found = "".join(f"""
{named(way)}:
  driver = smtp
  port = {behind.port(way)}
  allow_localhost = true
  hosts_try_fastopen =
  hosts_try_dane =
  dnssec_request_domains =
  helo_data = mx.exim.example
{'' if 'hosts_require_tls' in options.get(way, '') else '  hosts_avoid_tls = *'}
{options.get(way, '')}""" for way in WAYS if way != "unix")
        return f"""
begin transports
{found}
unix:
  driver = lmtp
  socket = {behind.relay.unix}
  batch_max = 100
maildir:
  driver = appendfile
  maildir_format = true
  directory = {self.mail}/$local_part_data@{DOMAIN}
begin retry
* * F,1h,1m
"""

    @staticmethod
    def authenticators(auth):
        by_dovecot = "".join(f"""
{named(mechanism)}:
  driver = dovecot
  public_name = {mechanism}
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_socket = {auth}
  server_set_id = $auth1
""" for mechanism in BY_DOVECOT)
        return f"""
begin authenticators
PLAIN:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
  client_condition = ${{if eq{{$transport_name}}{{auth_plain}}}}
  client_send = ^{USER}^{PASSWORD}
LOGIN:
  driver = plaintext
  public_name = LOGIN
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_prompts = <| Username: | Password:
  server_condition = ${{if and{{{{eq{{$auth1}}{{{USER}}}}}{{eq{{$auth2}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth1
  client_condition = ${{if eq{{$transport_name}}{{auth_login}}}}
  client_send = <| | {USER} | {PASSWORD}
CRAM_MD5:
  driver = cram_md5
  public_name = CRAM-MD5
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_secret = ${{if eq{{$auth1}}{{{USER}}}{{{PASSWORD}}}fail}}
  server_set_id = $auth1
  client_condition = ${{if eq{{$transport_name}}{{auth_cram_md5}}}}
  client_name = {USER}
  client_secret = {PASSWORD}
{by_dovecot}"""

    def log(self):
        return "".join(path.read_text(errors="replace") for path in sorted((self.here / "logs").glob("*log")))


def cases(place, program, tls):
    behind = Behind(place, program, tls)
    dovecot = Dovecot(place, "auth-for-exim", EXIM_USER)
    server = Exim(place, tls, dovecot.auth, behind)
    sent = delivering.cases(place, program, tls, server)
    upstream.tells(server, place, program, sent)
    return [sent, relaying.cases(server, behind)]
