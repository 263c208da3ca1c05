//! What the environment says, for every command or for some.

use std::process::{Command, Output};

use super::{SMTP, Serve};

/// What comes of sending a message to a server that takes it, with one variable set.
fn send(server: &str, variable: (&str, &str), options: &[&str]) -> Output {
    let mut command = Command::new(SMTP);
    command.args(["send", "--server", server, "--tls", "none", "--from", "a@x.example"]);
    command.args(["--to", "b@x.example", "--body", "x"]).args(options);
    command.env(variable.0, variable.1).output().unwrap()
}

fn serve() -> Serve {
    Serve::start(&["--listen", "127.0.0.1:0", "--no-tls", "--discard"])
}

/// Whoever has a token for one server sends to others without.
#[test]
fn a_token_is_for_those_who_log_in() {
    let serve = serve();
    let server = serve.address("smtp");
    for variable in ["SMTP_TOKEN", "SMTP_PASSWORD"] {
        let output = send(server, (variable, "secret"), &["--trace"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("AUTH"), "{output:?}");
    }
    let output = Command::new(SMTP)
        .args(["load", "--server", server, "--messages", "1", "--tls", "none"])
        .env("SMTP_TOKEN", "secret")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // On the command line somebody has forgotten something.
    for option in ["--token", "--password"] {
        let output = send(server, ("SMTP_TOKEN", ""), &[option, "secret"]);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
    }
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let serve = serve();
    for name in ["SMTP_TOKEN", "SMTP_PASSWORD", "SMTP_PROXY", "SMTP_RUNTIME"] {
        let output = send(serve.address("smtp"), (name, ""), &[]);
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
    }
}

/// Not even where it is wrong.
#[test]
fn the_password_of_a_proxy_is_never_shown() {
    let wrong = "sock5://alice:wonderland@proxy.example:1080";
    let by_variable = send("127.0.0.1:1", ("SMTP_PROXY", wrong), &[]);
    let by_option = send("127.0.0.1:1", ("SMTP_PROXY", ""), &["--proxy", wrong]);
    for output in [by_variable, by_option] {
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.starts_with("smtp: --proxy or SMTP_PROXY: a proxy is "), "{told}");
        assert!(!told.contains("wonderland"), "{told}");
    }
    // Who connects to nobody goes through no proxy.
    let replay = Command::new(SMTP).args(["replay", "/no/such"]).env("SMTP_PROXY", wrong).output();
    assert_eq!(replay.unwrap().status.code(), Some(65));
}

#[test]
fn a_runtime_that_is_none_is_told() {
    let output = send("127.0.0.1:1", ("SMTP_RUNTIME", "tokyo"), &[]);
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "smtp: SMTP_RUNTIME is tokio, smol or blocking\n");
}
