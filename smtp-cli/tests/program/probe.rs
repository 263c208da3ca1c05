//! `smtp probe`, against `smtp serve`, scripted servers and hostile ones.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output},
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use super::{SMTP, Serve, directory, scripted};

fn probe(arguments: &[&str]) -> Output {
    Command::new(SMTP).arg("probe").args(arguments).output().unwrap()
}

fn page(arguments: &[&str], code: i32) -> String {
    let output = probe(arguments);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The report as JSON; its `exit_code` is the one of the program.
fn report(arguments: &[&str], code: i32) -> Value {
    let output = probe(&[&["--json"], arguments].concat());
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["exit_code"], code, "{report}");
    let error = report["error"].as_str();
    assert_eq!(error.is_some(), code != 0, "{report}");
    assert_eq!(output.stderr.is_empty(), code == 0, "errors are on stderr: {output:?}");
    report
}

fn warnings(report: &Value) -> Vec<&str> {
    let list = report["warnings"].as_array().unwrap();
    list.iter().map(|warning| warning["id"].as_str().unwrap()).collect()
}

fn keywords(offer: &Value) -> Vec<&str> {
    let list = offer["keywords"].as_array().unwrap();
    list.iter().map(|line| line["keyword"].as_str().unwrap()).collect()
}

/// A server that does what it likes with its only client.
fn serving(behave: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || behave(listener.accept().unwrap().0));
    address
}

/// Files of an authority, and of a certificate by it for localhost that lasts for so many days.
fn certificate(directory: &Path, days: i64) -> [String; 3] {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Example Authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let now = std::time::SystemTime::now();
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    params.not_before = (now - day).into();
    // Half a day more, so that the days left are as many while the test runs.
    params.not_after = (now + day * u32::try_from(days).unwrap() + day / 2).into();
    let own = params.signed_by(&key, &authority).unwrap();
    [("ca", authority.pem()), ("cert", own.pem()), ("key", key.serialize_pem())].map(
        |(name, text)| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        },
    )
}

#[test]
fn both_offers_and_the_certificate_are_shown() {
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--hostname",
        "mx.example.net",
        "--user",
        "alice:secret",
        "--auth",
        "PLAIN,LOGIN",
        "--discard",
    ]);
    let server = serve.address("smtp");
    let found = report(&[server, "--insecure"], 0);
    assert_eq!(found["greeting"]["code"], 220);
    assert_eq!(found["greeting"]["host"], "mx.example.net");
    assert_eq!(found["hello"], "[127.0.0.1]");
    assert_eq!(found["addresses"][0]["address"], server);
    let (before, after) = (&found["capabilities"], &found["capabilities_after_starttls"]);
    assert!(keywords(before).contains(&"STARTTLS") && !keywords(before).contains(&"AUTH"));
    assert!(keywords(after).contains(&"AUTH") && !keywords(after).contains(&"STARTTLS"));
    assert_eq!(after["auth_mechanisms"], serde_json::json!(["PLAIN", "LOGIN"]));
    assert_eq!(after["size_limit"], 52_428_800);
    assert_eq!(found["changes"]["gone"], serde_json::json!(["STARTTLS"]));
    assert_eq!(found["changes"]["new"], serde_json::json!(["AUTH PLAIN LOGIN"]));
    let tls = &found["tls"];
    assert_eq!((&tls["by"], &tls["version"]), (&"STARTTLS".into(), &"TLS 1.3".into()));
    assert!(tls["cipher_suite"].as_str().unwrap().starts_with("TLS_AES_"), "{tls}");
    assert_eq!((&tls["verified"], &tls["sni"]), (&false.into(), &false.into()));
    let certificate = &tls["certificates"][0];
    assert_eq!(certificate["names"][0], "mx.example.net");
    assert_eq!(certificate["key"]["type"], "ECDSA P-256");
    assert_eq!(certificate["sha256"].as_str().unwrap().len(), 95);
    assert_eq!(found["used"]["pipelining"], true);
    assert_eq!(found["authenticated"], Value::Null);
    assert_eq!(warnings(&found), ["not-verified", "self-signed"]);
    let trips: Vec<_> =
        found["round_trips"].as_array().unwrap().iter().map(|trip| &trip["command"]).collect();
    assert_eq!(trips, ["greeting", "EHLO", "STARTTLS", "TLS handshake", "EHLO", "QUIT"]);
    // The same, for people: whom nobody vouches for is a failure unless they say otherwise.
    let page = page(&[server], 69);
    for part in [
        "  220 mx.example.net ESMTP\n",
        "\nOffered in the clear, by EHLO\n  host                mx.example.net\n",
        "  SIZE                52428800 (50 MiB)\n",
        "\n+ AUTH                PLAIN LOGIN\n",
        "\n- STARTTLS\n",
        "  version             TLS 1.3\n",
        "  verified            no: ",
        "  issuer              itself\n",
        "\nWarnings\n  the certificate is not trusted: ",
    ] {
        assert!(page.contains(part), "no {part:?} in\n{page}");
    }
}

/// Each line that is shown, in the order of the page, but for how long something took.
#[test]
fn the_page_in_the_readme_is_what_is_printed() {
    let (directory, _, maildir) = directory();
    let serve = ["--hostname", "mx.example.net", "--maildir", &maildir, "--user", "alice:secret"];
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    assert!(readme.contains(
        "\n$ smtp serve --hostname mx.example.net --maildir ./mail --user alice:secret\n"
    ));
    let (_, shown) = readme.split_once("\n$ smtp probe localhost:2525 --insecure\n").unwrap();
    let (shown, _) = shown.split_once("\n```\n").unwrap();

    let serve = Serve::start(&[&["--listen", "127.0.0.1:0"], &serve[..]].concat());
    let (_, port) = serve.address("smtp").rsplit_once(':').unwrap();
    let page = page(&[&format!("localhost:{port}"), "--insecure"], 0).replace(port, "2525");
    let without_time = |line: &str| match line.contains(" ms") {
        true => line[..22].to_owned(),
        false => line.to_owned(),
    };
    let mut printed = page.lines().map(without_time);
    for line in shown.lines().map(without_time) {
        assert!(printed.any(|printed| printed == line), "no {line:?} there in\n{page}");
    }
    drop(directory);
}

#[test]
fn a_certificate_is_verified_for_the_name_asked_for() {
    let (directory, _, _) = directory();
    let [ca, cert, key] = certificate(directory.path(), 10);
    let serve = Serve::start(&[
        "--listen-tls",
        "127.0.0.1:0",
        "--hostname",
        "mx.example.net",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--discard",
    ]);
    let server = serve.address("smtps");
    let basic = [server, "--tls", "implicit", "--ca", &ca];
    let found = report(&[&basic[..], &["--server-name", "localhost"]].concat(), 0);
    let tls = &found["tls"];
    assert_eq!((&tls["by"], &tls["verified"]), (&"implicit".into(), &true.into()));
    assert_eq!(tls["sni"], true);
    assert_eq!(tls["certificates"][0]["days_left"], 10);
    assert_eq!(tls["certificates"][0]["issuer"], "CN=Example Authority");
    assert_eq!(found["capabilities_after_starttls"], Value::Null);
    assert_eq!(warnings(&found), ["certificate-expires-soon"]);
    // The chain is good, the name is not: told, and all the rest is told too.
    let found = report(&[&basic[..], &["--server-name", "mx.example.com"]].concat(), 69);
    assert!(found["tls"]["distrust"].as_str().unwrap().contains("mx.example.com"), "{found}");
    assert!(keywords(&found["capabilities"]).contains(&"PIPELINING"));
}

#[test]
fn a_password_is_shown_to_none_but_a_verified_server() {
    let (directory, _, _) = directory();
    let [ca, cert, key] = certificate(directory.path(), 90);
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--user",
        "alice:secret",
        "--auth",
        "PLAIN,LOGIN",
        "--discard",
    ]);
    let server = serve.address("smtp");
    let port = server.rsplit_once(':').unwrap().1;
    let server = format!("127.0.0.1:{port}");
    let login = |password, rest: &[&str], code| {
        let basic = [&server, "--user", "alice", "--password", password];
        report(&[&basic[..], rest].concat(), code)
    };
    let trusted = ["--ca", &ca, "--server-name", "localhost"];
    assert_eq!(login("secret", &trusted, 0)["authenticated"], true);
    let found = login("wrong", &trusted, 77);
    assert_eq!(found["authenticated"], false);
    assert!(found["error"].as_str().unwrap().contains("535 5.7.8"), "{found}");
    assert_eq!(login("secret", &["--insecure"], 0)["authenticated"], true);
    let found = login("secret", &["--ca", &ca], 69);
    assert_eq!(
        (&found["authenticated"], &found["tls"]["established"]),
        (&false.into(), &false.into())
    );
    assert_eq!(found["tls"]["certificates"][0]["names"][0], "localhost");
    assert_eq!(login("secret", &["--tls", "none"], 77)["authenticated"], false);
}

#[test]
fn a_server_offers_what_it_is_told_to() {
    let serve = Serve::start(&[
        "--listen",
        "127.0.0.1:0",
        "--no-tls",
        "--discard",
        "--withhold",
        "chunking",
        "--offer",
        "DSN",
        "--offer",
        "DELIVERBY=60",
        "--offer",
        "FUTURERELEASE=3600",
        "--offer",
        "MT-PRIORITY=MIXER",
        "--offer",
        "NO-SOLICITING=org.example:ADV",
        "--max-mails",
        "2",
        "--max-recipient-domains",
        "3",
    ]);
    let server = serve.address("smtp");
    let found = report(&[server], 0);
    let offer = &found["capabilities"];
    let keywords = keywords(offer);
    assert!(keywords.contains(&"DSN") && !keywords.contains(&"CHUNKING"), "{keywords:?}");
    assert_eq!(offer["deliver_by_minimum"], 60);
    assert_eq!(offer["future_release"]["max_interval"], 3600);
    assert_eq!(offer["priority_profile"], "MIXER");
    assert_eq!(offer["unwanted_solicitations"], serde_json::json!(["org.example:ADV"]));
    let limits = serde_json::json!({"mail_max": 2, "rcpt_max": 1000, "rcpt_domain_max": 3});
    assert_eq!(offer["limits"], limits);
    // And keeps it.
    let code = |options: &[&str]| {
        let output = super::options::send(server, &["b@x.example"], options);
        output.status.code().unwrap()
    };
    assert_eq!(code(&["--dsn-notify", "never", "--hold-for", "60"]), 0);
    assert_eq!(code(&["--deliver-by", "59", "--if-late", "return"]), 69);
    assert_eq!(code(&["--hold-for", "3601"]), 69);
    assert_eq!(code(&["--solicit", "org.example:ADV"]), 69);
    for wrong in [
        &["--offer", "NONSENSE"][..],
        &["--offer", "DSN=1"],
        &["--offer", "DELIVERBY=soon"],
        &["--offer", "FUTURERELEASE"],
        &["--offer", "NO-SOLICITING=two words"],
        &["--offer", "STARTTLS"],
        &["--withhold", "AUTH"],
        &["--offer", "DSN", "--withhold", "dsn"],
        &["--max-mails", "0"],
    ] {
        let output = Command::new(SMTP)
            .args(["serve", "--listen", "127.0.0.1:0", "--discard"])
            .args(wrong)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64), "{wrong:?}: {output:?}");
    }
}

#[cfg(unix)]
#[test]
fn an_lmtp_server_on_a_socket_is_looked_at_too() {
    let (directory, _, _) = directory();
    let socket = format!("unix:{}", directory.path().join("lmtp.sock").display());
    let _serve = Serve::start(&["--listen-lmtp", &socket, "--discard"]);
    let found = report(&[&socket, "--lmtp"], 0);
    assert_eq!((&found["protocol"], &found["tls"]), (&"LMTP".into(), &Value::Null));
    assert_eq!(found["capabilities"]["command"], "LHLO");
    assert_eq!(probe(&[&socket, "--lmtp", "--tls", "starttls"]).status.code(), Some(64));
    let found = report(&["unix:/no/such/socket", "--lmtp"], 75);
    assert_eq!(found["addresses"][0]["address"], "unix:/no/such/socket");
}

#[test]
fn exit_codes_are_those_of_send() {
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let found = report(&[&refused], 75);
    assert!(found["addresses"][0]["error"].as_str().unwrap().contains("refused"), "{found}");
    assert_eq!(report(&[&scripted(&["421 4.3.2 mx busy\r\n"])], 75)["greeting"]["code"], 421);
    report(&[&scripted(&["554 5.7.1 mx no service\r\n", "221 bye\r\n"])], 69);
    report(&[&scripted(&["I am no mail server\r\n"])], 76);
    let plain = || scripted(&["220 mx.example\r\n", "250 mx.example\r\n", "221 bye\r\n"]);
    let found = report(&[&plain()], 0);
    assert_eq!(warnings(&found), ["no-8bitmime"]);
    let found = report(&[&plain(), "--tls", "starttls"], 69);
    assert_eq!(found["capabilities"]["host"], "mx.example", "what was seen is told");
    for wrong in [
        &["127.0.0.1:x"][..],
        &["127.0.0.1:1", "--user", "alice"],
        &["127.0.0.1:1", "--hello", "two words"],
        &["127.0.0.1:1", "--timeout", "0"],
        &["127.0.0.1:1", "--tls", "perhaps"],
        &[],
    ] {
        let mut command = Command::new(SMTP);
        let output = command.arg("probe").args(wrong).env_remove("SMTP_PASSWORD").output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{wrong:?}");
    }
    assert_eq!(probe(&["127.0.0.1:1", "--ca", "/no/such/file"]).status.code(), Some(65));
}

#[test]
fn what_a_postmaster_should_mend_is_told() {
    let server = scripted(&[
        "220 other.example\r\n",
        "250-mx\r\n250-AUTH PLAIN CRAM-MD5\r\n250-AUTH=LOGIN\r\n250-SMTPUTF8\r\n250-SIZE 0\r\n\
         250-size 1\r\n250-EXPN\r\n250-LIMITS RCPTMAX=10 MAILMAX=5\r\n250-X_BAD\r\n250-DELIVERBY 60\r\n\
         250-FUTURERELEASE 86400 2099-01-01T00:00:00Z\r\n250-MT-PRIORITY MIXER\r\n\
         250-NO-SOLICITING org.example:ADV\r\n250 XOWN a b\r\n",
        "221 bye\r\n",
    ]);
    let found = report(&[&server], 0);
    assert_eq!(
        warnings(&found),
        [
            "plaintext-auth-in-clear",
            "names-differ",
            "name-not-qualified",
            "extension-incomplete",
            "no-8bitmime",
            "few-recipients",
            "expn",
            "malformed-keyword",
            "keyword-repeated",
        ]
    );
    let offer = &found["capabilities"];
    assert_eq!(offer["auth_mechanisms"], serde_json::json!(["PLAIN", "CRAM-MD5", "LOGIN"]));
    assert_eq!(offer["limits"], serde_json::json!({"mail_max": 5, "rcpt_max": 10}));
    assert_eq!(offer["size_limit"], Value::Null);
    assert_eq!(offer["deliver_by_minimum"], 60);
    let release =
        serde_json::json!({"max_interval": 86400, "max_date_time": "2099-01-01T00:00:00Z"});
    assert_eq!(offer["future_release"], release);
    assert_eq!(offer["priority_profile"], "MIXER");
    assert_eq!(offer["unwanted_solicitations"], serde_json::json!(["org.example:ADV"]));
    let own = offer["keywords"].as_array().unwrap().last().unwrap();
    let expected = serde_json::json!({"keyword": "XOWN", "parameters": ["a", "b"], "known": false});
    assert_eq!(own, &expected);
    let old =
        scripted(&["220 mx.example\r\n", "502 what\r\n", "250 mx.example\r\n", "221 bye\r\n"]);
    let found = report(&[&old], 0);
    assert_eq!(found["capabilities"]["command"], "HELO");
    assert_eq!(warnings(&found), ["no-ehlo"]);
    let unwilling = scripted(&[
        "220 mx.example\r\n",
        "250-mx.example\r\n250-8BITMIME\r\n250 STARTTLS\r\n",
        "454 4.7.0 no TLS today\r\n",
        "221 bye\r\n",
    ]);
    assert_eq!(warnings(&report(&[&unwilling], 0)), ["starttls-refused"]);
}

#[test]
fn a_hostile_server_neither_holds_nor_steers_the_program() {
    let endless = |line: &'static [u8]| {
        serving(move |mut stream| {
            stream.write_all(b"220 mx.example\r\n").unwrap();
            let mut asked = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut asked).unwrap();
            while stream.write_all(line).is_ok() {}
        })
    };
    for line in [&b"250-X\r\n"[..], b"250-ENDLESSENDLESSENDLESSENDLESSE", b"\0\xff\r\n", b"\n"] {
        report(&[&endless(line)], 76);
    }
    // Titles, colours, C1 controls, right-to-left marks and what is not UTF-8.
    let server = scripted(&[
        "220 mx.example \x1b]0;pwned\x07\u{9b}2J\u{202e}\r\n",
        "250-mx.example \x1b[2J\r\n250-\x1b[31mRED\r\n250 8BITMIME \x1b[0m\r\n",
        "221 bye\r\n",
    ]);
    let output = probe(&[&server]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("220 mx.example \\u{1b}]0;pwned\\u{7}\\u{9b}2J\\u{202e}"), "{text}");
    assert!(text.contains("\\u{1b}[31mRED"), "{text}");
    let harmless = |text: &str| {
        text.chars()
            .all(|c| (!c.is_control() || c == '\n') && !('\u{202a}'..='\u{202e}').contains(&c))
    };
    assert!(harmless(&text), "{text:?}");
    // A refusal is shown on stderr.
    let output = probe(&["--json", &scripted(&["554 \x1b[31m\u{9b}no\r\n", "221 bye\r\n"])]);
    assert_eq!(output.status.code(), Some(69));
    let (out, err) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    let (out, err) = (out.unwrap(), err.unwrap());
    assert!(harmless(&out) && harmless(&err), "{out:?} {err:?}");
    // No TLS behind the word that there will be.
    let server = serving(|mut stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let mut asked = String::new();
        for reply in ["220 mx.example\r\n", "250-mx.example\r\n250 STARTTLS\r\n", "220 go\r\n"] {
            stream.write_all(reply.as_bytes()).unwrap();
            if reply != "220 go\r\n" {
                lines.read_line(&mut asked).unwrap();
            }
        }
        let mut hello = [0; 16];
        lines.read_exact(&mut hello).unwrap();
        let _ = stream.write_all(&[b'x'; 4096]);
        let _ = lines.read_to_end(&mut Vec::new());
    });
    let found = report(&[&server], 69);
    assert_eq!(found["tls"]["established"], false, "{found}");
    assert_eq!(found["capabilities"]["host"], "mx.example");
    // Silence.
    let silent = serving(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    assert_eq!(report(&[&silent, "--timeout", "1"], 75)["greeting"], Value::Null);
}
