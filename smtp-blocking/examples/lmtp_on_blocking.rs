//! A delivery agent: takes messages by LMTP (RFC 2033) and puts each recipient's into a Maildir, with an answer
//! for each.
//!
//!     cargo run -p smtp-blocking --example lmtp_on_blocking -- 127.0.0.1:2424 ./mail
//!
//! Who has a directory there has a mailbox. Without arguments there are two, one of which is damaged; it
//! delivers a message to both, and ends.

use std::{
    env,
    error::Error,
    fs,
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use bytes::Bytes;
use smtp_blocking::{
    Backend, Body, Facts, Recipient, Sender, Server, Session,
    proto::{
        answer::{Acceptance, Rejection},
        domain::Host,
        server::Config,
    },
    testing::ScriptedClient,
};

#[derive(Clone)]
struct Agent {
    mail: PathBuf,
    /// Of the recipients that were accepted, in their order.
    mailboxes: Vec<PathBuf>,
}

impl Backend for Agent {
    type Session = Self;

    fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(self.clone())
    }
}

impl Session for Agent {
    fn mail(&mut self, _: &Sender<'_>) -> Result<(), Rejection<'static>> {
        Ok(())
    }

    fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        let path = to.forward_path().to_string();
        let user = path.trim_start_matches('<').split('@').next().unwrap_or_default();
        // What comes from outside is no path.
        let is_name = !user.is_empty() && user.bytes().all(|octet| octet.is_ascii_alphanumeric());
        let mailbox = self.mail.join(user);
        if !is_name || !mailbox.is_dir() {
            return Err(Rejection::MAILBOX_UNKNOWN);
        }
        self.mailboxes.push(mailbox);
        Ok(())
    }

    /// Asked by SMTP, which this is not.
    fn message(&mut self, _: &mut Body<'_>) -> Result<Acceptance<'static>, Rejection<'static>> {
        Err(Rejection::NOT_IMPLEMENTED)
    }

    fn message_lmtp(
        &mut self,
        body: &mut Body<'_>,
    ) -> Vec<Result<Acceptance<'static>, Rejection<'static>>> {
        let content = match body.read_to_end(10 << 20) {
            Ok(content) => content,
            Err(error) => return vec![Err(error.into()); self.mailboxes.len()],
        };
        let mut answers = Vec::new();
        for mailbox in &self.mailboxes {
            let stored = deliver(mailbox, &content);
            let stored = stored.map(|name| Acceptance::new(format!("stored as {name}")));
            answers.push(stored.map_err(|_| Rejection::MAILBOX_BUSY));
        }
        answers
    }

    fn reset(&mut self) {
        self.mailboxes.clear();
    }
}

/// To accept is to take responsibility: the message is on the disk before anybody is told so, and is seen in
/// `new` only when it is whole.
fn deliver(mailbox: &Path, content: &Bytes) -> io::Result<String> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("{}.{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    for folder in ["tmp", "new", "cur"] {
        fs::create_dir_all(mailbox.join(folder))?;
    }
    let unfinished = mailbox.join("tmp").join(&name);
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, mailbox.join("new").join(&name))?;
    Ok(name)
}

fn demonstrate(local: std::net::SocketAddr, mail: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(mail.join("ann"))?;
    fs::create_dir_all(mail.join("carl"))?;
    // A file where a folder should be.
    fs::write(mail.join("carl/new"), "")?;
    let mut client = ScriptedClient::connect(local)?;
    client.play(
        "S: 220
             C: LHLO client.example
             S: 250
             C: MAIL FROM:<tim@example.net>
             C: RCPT TO:<ann@example.org>
             C: RCPT TO:<nobody@example.org>
             C: RCPT TO:<carl@example.org>
             C: DATA
             S: 250
             S: 250
             S: 550 5.1.1
             S: 250
             S: 354
             C: Subject: hi
             C: .
             S: 250
             S: 450 4.2.1",
    )?;
    println!("{}", client.transcript());
    assert_eq!(std::fs::read_dir(mail.join("ann/new"))?.count(), 1);
    Ok(fs::remove_dir_all(mail)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (address, mail) = match &arguments[..] {
        [address, mail] => (address.as_str(), PathBuf::from(mail)),
        [] => ("127.0.0.1:0", env::temp_dir().join(format!("lmtp-on-blocking-{}", process::id()))),
        _ => return Err("ADDRESS DIRECTORY, or nothing".into()),
    };
    let listener = TcpListener::bind(address)?;
    let local = listener.local_addr()?;
    println!("listening at {local}, delivering to {}", mail.display());
    let agent = Agent { mail: mail.clone(), mailboxes: Vec::new() };
    let config = Config::new(Host::parse("mx.example.org")?);
    let server = Server::new(config, agent).listen_lmtp(listener);
    if !arguments.is_empty() {
        server.serve();
        return Ok(());
    }
    let _serving = thread::spawn(move || server.serve());
    demonstrate(local, &mail)
}
