//! A delivery agent: takes messages by LMTP (RFC 2033) and puts each recipient's into a Maildir, with an answer
//! for each.
//!
//!     cargo run -p smtp-smol --example lmtp_on_smol -- 127.0.0.1:2424 ./mail
//!
//! Who has a directory there has a mailbox. Without arguments there are two, one of which is damaged; it
//! delivers a message to both, and ends.

use std::{
    env,
    error::Error,
    io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use smol::{fs, io::AsyncWriteExt, net::TcpListener, spawn};
use smtp_smol::{
    Backend, Body, Facts, Recipient, Sender, Server, Session,
    proto::{
        answer::{Acceptance, Rejection},
        date::Date,
        domain::Host,
        error::ParseError,
        path::ReversePath,
        server::Config,
        trace::{Received, ReturnPath, WithoutFields},
    },
    testing::ScriptedClient,
};

const HOST: &str = "mx.example.org";

#[derive(Clone)]
struct Agent {
    mail: PathBuf,
    from: String,
    /// Of the recipients that were accepted, in their order.
    mailboxes: Vec<PathBuf>,
}

impl Backend for Agent {
    type Session = Self;

    async fn connect(&self, _: &Facts) -> Result<Self, Rejection<'static>> {
        Ok(self.clone())
    }
}

impl Session for Agent {
    async fn mail(&mut self, from: &Sender<'_>) -> Result<(), Rejection<'static>> {
        self.from = from.reverse_path().to_string();
        Ok(())
    }

    async fn rcpt(&mut self, to: &Recipient<'_>) -> Result<(), Rejection<'static>> {
        let user: String = match to.forward_path().mailbox() {
            Some(mailbox) => mailbox.local_part().unquoted().collect(),
            None => "postmaster".to_owned(),
        };
        // What comes from outside is no path.
        let is_name = !user.is_empty() && user.bytes().all(|octet| octet.is_ascii_alphanumeric());
        let mailbox = self.mail.join(&user);
        if !is_name || !mailbox.is_dir() {
            return Err(Rejection::MAILBOX_UNKNOWN);
        }
        self.mailboxes.push(mailbox);
        Ok(())
    }

    /// Asked by SMTP, which this is not.
    async fn message(
        &mut self,
        _: &mut Body<'_>,
    ) -> Result<Acceptance<'static>, Rejection<'static>> {
        Err(Rejection::NOT_IMPLEMENTED)
    }

    async fn message_lmtp(
        &mut self,
        body: &mut Body<'_>,
    ) -> Vec<Result<Acceptance<'static>, Rejection<'static>>> {
        let content = match body.read_to_end(10 << 20).await {
            Ok(content) => content,
            Err(error) => return vec![Err(error.into()); self.mailboxes.len()],
        };
        let Ok(message) = traced(&self.from, body.facts(), content) else {
            return vec![Err(Rejection::LOCAL_ERROR); self.mailboxes.len()];
        };
        let mut answers = Vec::new();
        for mailbox in &self.mailboxes {
            let name = unique_name();
            answers.push(match deliver(mailbox, &name, &message).await {
                Ok(()) => Ok(Acceptance::new(format!("stored as {name}"))),
                Err(_) => Err(Rejection::MAILBOX_BUSY),
            });
        }
        answers
    }

    fn reset(&mut self) {
        self.from.clear();
        self.mailboxes.clear();
    }
}

/// The message with what final delivery puts in front of it (RFC 5321 section 4.4): from where it came and to where
/// reports about it go. What others took for the latter is left out.
fn traced(from: &str, facts: &Facts, content: Bytes) -> Result<Vec<u8>, ParseError> {
    let now = Date::utc(SystemTime::now().into());
    let mut received = Received::new(Host::parse(HOST)?, facts.transmission_type, now);
    if let Some(name) = facts.hello_name() {
        received = received.from(name, facts.peer.map(|peer| peer.ip()));
    }
    let return_path = ReturnPath(ReversePath::parse(from)?);
    let mut message = format!("{return_path}{received}").into_bytes();
    let mut others = WithoutFields::return_path();
    others.pass(content, |octets| message.extend_from_slice(&octets));
    others.finish(|octets| message.extend_from_slice(&octets));
    Ok(message)
}

/// A name that no other message has: not at another time, nor of another process, nor on another host that shares
/// the mailbox.
fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}.M{:06}P{}Q{count}.{HOST}", now.as_secs(), now.subsec_micros(), process::id())
}

/// To accept is to take responsibility: the message and its name are on the disk before anybody is told so, it is
/// seen in `new` only when it is whole, and no other goes for it, even if clocks and numbers begin anew.
async fn deliver(mailbox: &Path, name: &str, message: &[u8]) -> io::Result<()> {
    for folder in ["tmp", "new", "cur"] {
        fs::create_dir_all(mailbox.join(folder)).await?;
    }
    let (unfinished, new) = (mailbox.join("tmp").join(name), mailbox.join("new"));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&unfinished).await?;
    let finished = finish(&mut file, message, &unfinished, &new.join(name)).await;
    fs::remove_file(&unfinished).await?;
    finished?;
    for folder in [&new, mailbox] {
        fs::File::open(folder).await?.sync_all().await?;
    }
    Ok(())
}

/// A link, as a new name takes the place of what has it already.
async fn finish(
    file: &mut fs::File,
    message: &[u8],
    unfinished: &Path,
    finished: &Path,
) -> io::Result<()> {
    file.write_all(message).await?;
    file.sync_all().await?;
    fs::hard_link(unfinished, finished).await
}

async fn demonstrate(local: std::net::SocketAddr, mail: &Path) -> Result<(), Box<dyn Error>> {
    let ann = mail.join("ann/new");
    fs::create_dir_all(mail.join("ann")).await?;
    fs::create_dir_all(mail.join("carl")).await?;
    // A file where a folder should be.
    fs::write(mail.join("carl/new"), "").await?;
    let mut client = ScriptedClient::connect(local).await?;
    client
        .play(
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
             C: Return-Path: <somebody@else.example>
             C: Subject: hi
             C: .
             S: 250
             S: 450 4.2.1",
        )
        .await?;
    println!("{}", client.transcript());
    let names: Vec<_> = std::fs::read_dir(&ann)?.collect::<Result<_, _>>()?;
    assert_eq!(names.len(), 1);
    let message = fs::read_to_string(names[0].path()).await?;
    println!("{message}");
    let trace = "Return-Path: <tim@example.net>\r\nReceived: from client.example ";
    assert!(message.starts_with(trace) && message.ends_with("\r\nSubject: hi\r\n"));
    assert!(!message.contains("somebody"));

    // A message that is there is not replaced, and what could not be delivered leaves nothing.
    deliver(&mail.join("ann"), "the.same.name", b"unread").await?;
    let error = deliver(&mail.join("ann"), "the.same.name", b"another").await.expect_err("taken");
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(ann.join("the.same.name")).await?, b"unread");
    assert_eq!(std::fs::read_dir(mail.join("ann/tmp"))?.count(), 0);
    Ok(())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let made;
    let (address, mail) = match &arguments[..] {
        [address, mail] => (address.as_str(), Path::new(mail)),
        [] => {
            made = tempfile::tempdir()?;
            ("127.0.0.1:0", made.path())
        }
        _ => return Err("ADDRESS DIRECTORY, or nothing".into()),
    };
    let listener = TcpListener::bind(address).await?;
    let local = listener.local_addr()?;
    println!("listening at {local}, delivering to {}", mail.display());
    let agent = Agent { mail: mail.to_owned(), from: String::new(), mailboxes: Vec::new() };
    let config = Config::new(Host::parse(HOST)?);
    let server = Server::new(config, agent).listen_lmtp(listener);
    if !arguments.is_empty() {
        server.serve().await;
        return Ok(());
    }
    let _serving = spawn(server.serve());
    demonstrate(local, mail).await
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}
