"""`smtp send` delivers to Exim, which lets no client send before its turn; Exim relays to `smtp serve`."""

import os
import pwd
import shutil

import messages
import reports
from harness import Failure, Table, check, connects, free_ports, only_file, wait_for
from install import EXIM_USER, program as installed
from messages import difference, without_trace
from relaying import LARGE, REFUSED, Relaying
from sender import Sending
from serve import DOMAIN, PASSWORD, USER, Serve

NAME = "Exim"
LIMIT = 100_000
LISTENERS = ["all", "no-chunking", "no-pipelining", "bare", "implicit", "small"]
# Domain that is relayed and the transport for it.
RELAYED = {"chunking.example": "chunking", "data.example": "data", "tls.example": "tls",
           "implicit.example": "implicit", "plain.example": "auth_plain", "login.example": "auth_login",
           "lmtp.example": "lmtp", "unix.example": "unix", REFUSED: "chunking",
           reports.REPORTED: "reported"}
# `smtp serve` takes nothing for these, or only from who has authenticated.
NOT_OURS = ("plain.example", "login.example", REFUSED, reports.REPORTED)
MAILBOXES = ["plain", "data", "one-by-one", "bare", "starttls", "implicit", "auth-plain", "auth-login", "eight-bit",
             "eight-bit-data", "dots", "dots-data", "no-body", "long-lines", "large", "large-data", "null",
             "unix-lines", "attachment", "attachment-data", "one", "two", "δοκιμή", "utf8-header", "refused-some",
             "sender", *reports.MAILBOXES]


class Exim:
    """An own instance: own configuration, spool and processes, none of them as root."""

    def __init__(self, place, tls, relay, asked):
        self.here = here = place.directory / "exim"
        self.mail = here / "mail"
        for directory in (here, self.mail, here / "spool", here / "logs"):
            directory.mkdir()
        self.ports = dict(zip(LISTENERS, free_ports(len(LISTENERS))))
        boxes = place.file("exim/mailboxes", "".join(f"{box}: {box}\n" for box in MAILBOXES))
        shutil.copy(installed("exim4"), here / "exim4")  # where its user may run it, and not as root
        os.chmod(here / "exim4", 0o755)
        shutil.copy(tls[2], here / "key.pem")
        config = place.file("exim/config", self.main(tls, relay) + self.acls() + self.routers(boxes)
                            + self.transports(tls, relay, asked) + self.authenticators())
        user = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam(EXIM_USER)
            user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            for path in (here, self.mail, here / "spool", here / "logs", here / "key.pem"):
                os.chown(path, owner.pw_uid, owner.pw_gid)
            os.chmod(relay.unix, 0o666)
        log = open(here / "stderr", "wb")
        place.start([str(here / "exim4"), "-C", str(config), "-bdf"], stderr=log, stdout=log, **user)
        wait_for(lambda: connects(("127.0.0.1", self.ports["all"])), "Exim")

    def on(self, *names):
        """A host list: nobody on these listeners, everybody elsewhere."""
        ports = ":".join(str(self.ports[name]) for name in names)
        return f"${{if inlist{{$received_port}}{{{ports}}}{{!*}}{{*}}}}"

    def main(self, tls, relay):
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
chunking_advertise_hosts = {self.on('no-chunking', 'no-pipelining', 'bare')}
pipelining_advertise_hosts = {self.on('no-pipelining', 'bare')}
dsn_advertise_hosts = {self.on('bare')}
smtputf8_advertise_hosts = {self.on('bare')}
acl_smtp_rcpt = recipient
domainlist relayed = {' : '.join(RELAYED)}
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
to_{name}:
  driver = manualroute
  domains = {' : '.join(domain for domain, way in RELAYED.items() if way == name)}
  route_list = * 127.0.0.1 byname
  self = send
  host_find_failed = fail
  transport = {name}
""" for name in sorted(set(RELAYED.values())))
        return f"""
begin routers
{ways}
boxes:
  driver = accept
  domains = {DOMAIN}
  local_parts = lsearch;{boxes}
  transport = maildir
"""

    def transports(self, tls, relay, asked):
        secure = (f"hosts_require_tls = *\n  tls_verify_certificates = {tls[0]}\n  tls_verify_hosts = *\n"
                  "  tls_verify_cert_hostnames =\n")
        smtp = relay.ports["smtp"]
        ways = {
            "chunking": (smtp, ""),
            "reported": (asked.ports["smtp"], ""),
            "data": (smtp, "  hosts_try_chunking =\n"),
            "tls": (smtp, f"  {secure}"),
            "implicit": (relay.ports["smtps"], f"  protocol = smtps\n  {secure}"),
            "auth_plain": (smtp, f"  hosts_require_auth = *\n  {secure}"),
            "auth_login": (smtp, f"  hosts_require_auth = *\n  {secure}"),
            "lmtp": (relay.ports["lmtp"], "  protocol = lmtp\n"),
        }
        found = "".join(f"""
{name}:
  driver = smtp
  port = {port}
  allow_localhost = true
  hosts_try_fastopen =
  hosts_try_dane =
  dnssec_request_domains =
  helo_data = mx.exim.example
{'' if 'hosts_require_tls' in options else '  hosts_avoid_tls = *'}
{options}""" for name, (port, options) in ways.items())
        return f"""
begin transports
{found}
unix:
  driver = lmtp
  socket = {relay.unix}
  batch_max = 100
maildir:
  driver = appendfile
  maildir_format = true
  directory = {self.mail}/$local_part_data@{DOMAIN}
begin retry
* * F,1h,1m
"""

    @staticmethod
    def authenticators():
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
"""

    def log(self):
        return "".join(path.read_text(errors="replace") for path in sorted((self.here / "logs").glob("*log")))

    def check_delivered(self, address, message):
        try:
            found = only_file(self.mail / address / "new")
        except Failure as failure:
            raise Failure(f"{failure}; the end of Exim's logs:\n{self.log()[-2000:]}") from failure
        differs = difference(message, without_trace(found.replace(b"\n", b"\r\n")))
        check(differs is None, differs)

    def check_nothing(self, address):
        check(not (self.mail / address / "new").is_dir(), f"something was delivered to {address}")


def cases(place, program, tls, peers):
    if NAME not in peers:
        return []
    domains = [domain for domain in RELAYED if domain not in NOT_OURS]
    relay = Serve(place, program, "relay-of-exim", "--tls-cert", tls[1], "--tls-key", tls[2], "--trace",
                  "--user", f"{USER}:{PASSWORD}", *[word for domain in domains for word in ("--domain", domain)],
                  listeners=("listen", "listen-tls", "listen-lmtp", "unix"))
    asked = reports.asked_server(place, program, "reports-of-exim")
    server = Exim(place, tls, relay, asked)
    return [sending(place, program, tls, server), relaying(server, relay, asked)]


def sending(place, program, tls, server):
    table = Table("smtp send delivers to", [NAME])
    to = {name: Sending(table, NAME, place, program, server, f"127.0.0.1:{port}")
          for name, port in server.ports.items()}
    starttls = Sending(table, NAME, place, program, server, f"127.0.0.1:{server.ports['all']}",
                       ["--tls", "starttls", "--ca", tls[0]])
    implicit = Sending(table, NAME, place, program, server, f"127.0.0.1:{server.ports['implicit']}",
                       ["--tls", "implicit", "--ca", tls[0]])
    to["all"].delivered("CHUNKING", "plain", traced=["C: BDAT "], untraced=["C: DATA"])
    to["no-chunking"].delivered("pipelining and DATA", "data", traced=["C: DATA"], untraced=["C: BDAT "])
    to["no-pipelining"].delivered("neither", "one-by-one", untraced=["C: BDAT "])
    to["bare"].delivered("no extension at all", "bare", untraced=["C: BDAT "])
    starttls.delivered("STARTTLS", "starttls", traced=["C: STARTTLS"])
    implicit.delivered("implicit TLS", "implicit", untraced=["C: STARTTLS"])
    for mechanism in ("PLAIN", "LOGIN"):
        login = ["--user", USER, "--password", PASSWORD, "--auth", mechanism]
        starttls.delivered(f"AUTH {mechanism}", f"auth-{mechanism.lower()}", arguments=login,
                           traced=[f"C: AUTH {mechanism}", "S: 235"], untraced=[PASSWORD])
    starttls.refused("wrong password: 77", 77, "535", arguments=["--user", USER, "--password", "wrong"])
    to["all"].delivered("8-bit content", "eight-bit", messages.EIGHT_BIT, traced=["BODY=8BITMIME"])
    to["no-chunking"].delivered("8-bit content, DATA", "eight-bit-data", messages.EIGHT_BIT)
    to["all"].delivered("leading dots", "dots", messages.DOTS)
    to["no-chunking"].delivered("leading dots, DATA", "dots-data", messages.DOTS)
    to["all"].delivered("no body", "no-body", messages.NO_BODY)
    to["all"].delivered("long lines", "long-lines", messages.LONG_LINES)
    to["no-chunking"].delivered("lines that end with LF", "unix-lines", messages.DOTS, unix_lines=True)
    to["all"].delivered("null reverse-path", "null", sender="")
    to["all"].delivered("25 MiB", "large", messages.large(LARGE))
    to["no-chunking"].delivered("25 MiB, DATA", "large-data", messages.large(LARGE))
    to["all"].attachment("attachment", "attachment")
    to["bare"].attachment("attachment, no extension", "attachment-data")
    to["all"].delivered("SMTPUTF8 address", "δοκιμή", traced=["SMTPUTF8"])
    to["all"].delivered("SMTPUTF8 header", "utf8-header", messages.UTF8_HEADER, traced=["SMTPUTF8"])
    to["all"].refused("unknown recipient: 69", 69, f"refused@{DOMAIN}: rejected at RCPT: 550 ")
    to["all"].several("one of three unknown", ["one", "nobody", "two"], ["nobody"], "550 ")
    to["small"].refused("too large: 69", 69, "552", messages.large(LIMIT + 1))
    # Exim repeats name and address in the encoding in which they came.
    reports.asked_for(to["all"], decodes=False)
    return table


def relaying(server, relay, asked):
    on = Relaying(NAME, server, relay)
    on.relayed("plain, pipelining", "chunking.example")
    on.relayed("CHUNKING", "chunking.example", traced=["C: BDAT "], untraced=["C: DATA"])
    on.relayed("DATA", "data.example", traced=["C: DATA"], untraced=["C: BDAT "])
    on.relayed("several recipients", "chunking.example", names=["a", "b", "c"])
    on.some_refused("one of three refused", "chunking.example", "refused-some")
    on.relayed("STARTTLS", "tls.example", traced=["C: STARTTLS"])
    on.relayed("implicit TLS", "implicit.example", untraced=["C: STARTTLS"])
    on.relayed("AUTH PLAIN", "plain.example", traced=["C: AUTH PLAIN"])
    on.relayed("AUTH LOGIN", "login.example", traced=["C: AUTH LOGIN"])
    on.relayed("8-bit content", "chunking.example", messages.EIGHT_BIT, options=["BODY=8BITMIME"])
    on.relayed("8-bit content, DATA", "data.example", messages.EIGHT_BIT, options=["BODY=8BITMIME"])
    on.relayed("leading dots", "chunking.example", messages.DOTS)
    on.relayed("leading dots, DATA", "data.example", messages.DOTS)
    on.relayed("no body", "chunking.example", messages.NO_BODY)
    on.relayed("long lines", "chunking.example", messages.LONG_LINES)
    on.relayed("25 MiB", "chunking.example", messages.large(LARGE))
    on.relayed("25 MiB, DATA", "data.example", messages.large(LARGE))
    on.relayed("SMTPUTF8", "chunking.example", messages.UTF8_HEADER, ["δοκιμή"],
               options=["SMTPUTF8", "BODY=8BITMIME"], traced=[" SMTPUTF8"])
    on.relayed("LMTP on TCP", "lmtp.example", names=["a", "b", "c"], traced=["C: LHLO "])
    on.relayed("LMTP on a Unix socket", "unix.example", names=["a", "b", "c"], traced=["C: LHLO "])
    reports.handed_on(on, asked)
    return on.table
