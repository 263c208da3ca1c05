"""sendmail, in a root directory of its own. Cyrus SASL says who may log in; Dovecot stores the mail."""

import pathlib

import delivering
import relaying
import reports
import upstream
from delivering import FEW, LIMIT
from harness import connects, free_ports, run, text, wait_for
from install import UNPACKED_PACKAGES, program as installed
from messages import LARGE
from peer import MAILBOXES, MailServer
from peers.dovecot import Dovecot
from private import command
from relaying import LOGINS, WAYS, Behind, domain
from sender import Client, Sending
from serve import DOMAIN, PASSWORD, USER
from table import check

NAME = "sendmail"
NEEDS, AS_ROOT = ["sendmail", "m4", "saslpasswd2", "dovecot", "private root"], True
LISTENERS = ["all", "bare", "implicit"]
HOST = "mx.sendmail.example"
MECHANISMS = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256"
PACKAGES = UNPACKED_PACKAGES / NAME
# All that there is to say of the way to a server: as smtp.m4 has it, but for the port and the length of lines.
MAILER = "P=[IPC], F=mDFMuXa8{flags}, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=0, T=DNS/RFC822/SMTP"


class Sendmail(MailServer):
    """An own instance: own root directory, configuration, queue and processes."""

    name = NAME
    cannot = {
        "CHUNKING", "SMTPUTF8", "XCLIENT", "XFORWARD", "relays implicit TLS",
        "no extension, not even SIZE", "8-bit content, 8BITMIME not offered",  # both are always offered
        "AUTH SCRAM-SHA-1-PLUS", "AUTH SCRAM-SHA-256-PLUS",  # Cyrus SASL is not told the channel binding
        "AUTH OAUTHBEARER", "AUTH XOAUTH2",
    }

    def __init__(self, place, tls, behind, boxes, name="sendmail", largest=LARGE + 1_000_000, most=0):
        super().__init__()
        self.here = here = place.directory / name
        self.mail, self.log_file = boxes.mail, here / "log"
        here.joinpath("room").mkdir(parents=True)
        self.ports = dict(zip(LISTENERS, free_ports(len(LISTENERS))))
        source = place.file(f"{name}/sendmail.mc", self.config(behind, boxes, largest, most))
        compiled = run([installed("m4"), source])
        check(compiled.returncode == 0, text(compiled))
        for file, content, mode in self.files(tls):
            place.file(f"{name}/files/{file}", content, mode)
        place.file(f"{name}/files/etc/mail/sendmail.cf", compiled.stdout)
        logins = here / "files" / "etc" / "sasldb2"
        run([installed("saslpasswd2"), "-f", logins, "-c", "-p", "-u", HOST, USER], input=PASSWORD.encode())
        logins.chmod(0o600)
        program = "/usr/libexec/sendmail/sendmail"
        start = ("mkdir -p -m 700 /var/spool/mqueue; cd /etc/mail; "
                 "/usr/libexec/sendmail/makemap hash access < access; exec "
                 f"{program} -bD -X /dev/stdout -C /etc/mail/sendmail.cf")
        log = open(self.log_file, "wb")
        place.start(command(PACKAGES, here / "files", here / "room", ["sh", "-c", start]), stdout=log, stderr=log)
        wait_for(lambda: connects(("127.0.0.1", self.ports["all"])), NAME)

    @staticmethod
    def files(tls):
        users = "smmta:x:900:900::/nonexistent:/bin/false\nsmmsp:x:901:901::/nonexistent:/bin/false\n"
        groups = "smmta:x:900:\nsmmsp:x:901:\n"
        for file, more in (("passwd", users), ("group", groups)):
            yield f"etc/{file}", pathlib.Path("/etc", file).read_text(encoding="utf-8") + more, 0o644
        names = "".join(f"127.0.0.1 {host(way)}\n" for way in WAYS)
        yield "etc/hosts", f"127.0.0.1 localhost\n127.0.0.1 {HOST}\n{names}", 0o644
        yield "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n", 0o644
        yield "etc/mail/service.switch", "hosts files\naliases files\n", 0o644
        yield "etc/mail/ca.pem", tls[0].read_bytes(), 0o644
        yield "etc/mail/cert.pem", tls[1].read_bytes(), 0o644
        yield "etc/mail/key.pem", tls[2].read_bytes(), 0o600
        yield "etc/mail/boxes", "".join(f"{box}\n" for box in MAILBOXES if box.isascii()), 0o644
        yield "etc/mail/relay-domains", "".join(f"{domain(way)}\n" for way in WAYS) + f"{DOMAIN}\n", 0o644
        routes = "".join(f"{domain(way)} {mailer(way)}:[{host(way)}]\n" for way in WAYS)
        yield "etc/mail/mailertable", f"{routes}{DOMAIN} boxes:[127.0.0.1]\n", 0o644
        logins = "".join(f'AuthInfo:{host(way)} "U:{USER}" "I:{USER}" "P:{PASSWORD}" "M:{mechanism}"\n'
                         for way, mechanism in LOGINS.items())
        without = "".join(f"Try_TLS:{host(way)} NO\n" for way in WAYS if way not in LOGINS and way != "starttls")
        yield "etc/mail/access", f"{logins}{without}TLS_Srv:{host('starttls')} VERIFY\n", 0o600
        yield "etc/sasl2/Sendmail.conf", (f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                                          f"sasldb_path: /etc/sasldb2\nmech_list: {MECHANISMS}\n"), 0o644

    def config(self, behind, boxes, largest, most):
        tab = "\t"
        ports = {"tcp": "smtp", "lmtp": "lmtp", reports.WAY: reports.WAY, upstream.WAY: upstream.WAY}
        mailers = "".join(f"M{name}, {MAILER.format(flags='z' if name == 'lmtp' else '')}, "
                          f"A=TCP $h {behind.port(way)}\n" for name, way in ports.items())
        mailers += f"Munix, {MAILER.format(flags='z')}, A=FILE {behind.relay.unix}\n"
        mailers += f"Mboxes, {MAILER.format(flags='z')}, A=TCP $h {boxes.port}\n"
        listeners = "".join(f"DAEMON_OPTIONS(`Name={name}, Addr=127.0.0.1, Port={self.ports[name]}{more}')\n"
                            for name, more in (("all", ""), ("bare", ", M=SA"), ("implicit", ", M=s")))
        return f"""include(`{PACKAGES}/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{HOST}')dnl
define(`confMAX_MESSAGE_SIZE', `{largest}')dnl
define(`confMAX_RCPTS_PER_MESSAGE', `{most}')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch')dnl
define(`confPID_FILE', `/run/sendmail.pid')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confPRIVACY_FLAGS', `authwarnings')dnl
define(`confTO_IDENT', `0')dnl
define(`confLOG_LEVEL', `0')dnl
define(`confBIND_OPTS', `-DNSRCH -DEFNAMES')dnl
define(`confCACERT', `/etc/mail/ca.pem')dnl
define(`confCACERT_PATH', `/etc/mail')dnl
define(`confSERVER_CERT', `/etc/mail/cert.pem')dnl
define(`confSERVER_KEY', `/etc/mail/key.pem')dnl
define(`confAUTH_OPTIONS', `A p')dnl
define(`confAUTH_REALM', `{HOST}')dnl
define(`confAUTH_MECHANISMS', `{MECHANISMS}')dnl
define(`confTLS_SRV_OPTIONS', `V')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl
define(`confQUEUE_LA', `10000')dnl
define(`confREFUSE_LA', `10000')dnl
define(`confDELAY_LA', `0')dnl
TRUST_AUTH_MECH(`{MECHANISMS}')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`mailertable', `text -o -k0 -v1 /etc/mail/mailertable')dnl
FEATURE(`access_db', `hash -T<TMPF> /etc/mail/access')dnl
FEATURE(`authinfo', `hash -T<TMPF> /etc/mail/access')dnl
{listeners}MAILER(`smtp')dnl
MAILER_DEFINITIONS
{mailers}
LOCAL_CONFIG
Kboxes text -o -k0 -v0 /etc/mail/boxes
LOCAL_RULESETS
SLocal_check_rcpt
R$*{tab}{tab}{tab}$: $>CanonAddr $1
R$+ < @ {DOMAIN} $* >{tab}$: < $(boxes $1 $: NOBODY $) >
R< NOBODY >{tab}{tab}$#error $@ 5.1.1 $: "550 no such mailbox"
R$*{tab}{tab}{tab}$@ OK
LOCAL_SRV_FEATURES
R$*{tab}{tab}{tab}$: $&{{daemon_name}}
Rbare{tab}{tab}{tab}$# P D E B X A S
"""

    def log(self):
        return self.log_file.read_text(errors="backslashreplace")


def host(way):
    """A name for our server, for each way another."""
    return f"{way}.test"


def mailer(way):
    """It can have only so many mailers, so all ways to the same port share one."""
    return way if way in ("unix", "lmtp", reports.WAY, upstream.WAY) else "tcp"


def cases(place, program, tls):
    behind = Behind(place, program, tls)
    boxes = Dovecot(place, "boxes-for-sendmail")
    server = Sendmail(place, tls, behind, boxes)
    server.ports["small"] = Sendmail(place, tls, behind, boxes, "small", LIMIT, FEW).ports["all"]
    server.ports["few"] = server.ports["small"]
    sent = delivering.cases(place, program, tls, server)
    plain = Sending(sent, server, Client(place, program, f"127.0.0.1:{server.ports['all']}"))
    plain.delivered("DELIVERBY", arguments=["--deliver-by", "3600"], traced=["BY=3600;N"])
    return [sent, relaying.cases(server, behind)]
