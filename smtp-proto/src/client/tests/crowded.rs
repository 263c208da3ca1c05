//! C-50: more recipients than a server takes at a time, which does not say how many that is.

use alloc::{format, string::String, vec::Vec};

use bytes::Bytes;

use super::transaction::{hear, open, recipients, settle};
use crate::{
    client::{
        Config, Content, Envelope, Outcome, Report, Transaction, TransactionOptions,
        TransactionStep,
    },
    parameter::Parameters,
    path::ReversePath,
};

/// A server that takes so many recipients, says 452 to the others, and after too many of those 421.
struct Crowded {
    most: usize,
    patience: usize,
    pipelining: bool,
    /// Of this transaction.
    accepted: usize,
    refused: usize,
    in_content: bool,
    /// Of the session.
    asked: usize,
    mails: usize,
}

impl Crowded {
    fn new(most: usize, patience: usize, pipelining: bool) -> Self {
        Self {
            most,
            patience,
            pipelining,
            accepted: 0,
            refused: 0,
            in_content: false,
            asked: 0,
            mails: 0,
        }
    }

    /// What it says to this.
    fn replies(&mut self, said: &str) -> String {
        said.lines().map(|line| self.reply(line)).collect()
    }

    fn reply(&mut self, line: &str) -> &'static str {
        match line.split(' ').next() {
            _ if self.in_content && line != "." => "",
            Some("MAIL") => {
                (self.accepted, self.refused) = (0, 0);
                self.mails += 1;
                "250 ok\r\n"
            }
            Some("RCPT") => {
                self.asked += 1;
                if self.accepted < self.most {
                    self.accepted += 1;
                    return "250 ok\r\n";
                }
                self.refused += 1;
                assert!(self.refused <= self.patience, "the server hangs up");
                "452 4.5.3 too many\r\n"
            }
            Some("DATA") => {
                self.in_content = true;
                "354 go\r\n"
            }
            _ => {
                self.in_content = false;
                "250 taken\r\n"
            }
        }
    }

    /// Takes a message to so many.
    fn take(&mut self, recipients: usize) -> Report {
        let paths: Vec<String> =
            (0..recipients).map(|number| format!("<{number}@x.example>")).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let to = super::transaction::recipients(&paths);
        let envelope = Envelope {
            reverse_path: ReversePath::Null,
            parameters: Parameters::EMPTY,
            recipients: &to,
        };
        let offered: &[&str] = if self.pipelining { &["PIPELINING"] } else { &[] };
        let mut client = open(Config::default(), offered);
        let mut transaction =
            Transaction::new(envelope, Content::default(), TransactionOptions::default());
        let (mut said, mut step) = settle(&mut client, &mut transaction);
        loop {
            match step {
                TransactionStep::Done => return transaction.report(),
                TransactionStep::Rewind => {
                    transaction.rewound();
                    (said, step) = settle(&mut client, &mut transaction);
                }
                TransactionStep::Body if said.is_empty() => {
                    transaction.body(&mut client, Bytes::from_static(b"text\r\n")).unwrap();
                    transaction.end_of_body(&mut client).unwrap();
                    (said, step) = settle(&mut client, &mut transaction);
                }
                _ => {
                    // In pieces of what a client reads at a time.
                    let replies = self.replies(&said);
                    said.clear();
                    for piece in replies.as_bytes().chunks(4096) {
                        let piece = core::str::from_utf8(piece).unwrap();
                        let (more, then) = hear(&mut client, &mut transaction, piece);
                        said.push_str(&more);
                        step = then;
                    }
                }
            }
        }
    }
}

#[test]
fn who_is_left_is_not_asked_for_in_vain() {
    for pipelining in [true, false] {
        // So many Postfix takes by default.
        let mut server = Crowded::new(1000, 100, pipelining);
        assert!(server.take(3000).outcomes().iter().all(Outcome::is_delivered));
        assert_eq!(server.mails, 3);
        assert!(server.asked <= 3100, "{}", server.asked);
    }
    let mut server = Crowded::new(100, 100, true);
    assert!(server.take(3000).outcomes().iter().all(Outcome::is_delivered));
    assert_eq!(server.mails, 30);
    // Once too many, as many as are under way.
    assert!(server.asked <= 3100, "{}", server.asked);
    // Where they go one by one, it is one.
    let mut server = Crowded::new(2, 1, false);
    assert!(server.take(30).outcomes().iter().all(Outcome::is_delivered));
    assert_eq!((server.mails, server.asked), (15, 31));
}

/// Whoever comes behind the one who is too many is not asked for, and yet told why.
#[test]
fn whose_turn_did_not_come_is_told_why() {
    let mut client = open(Config::default(), &[]);
    let to = recipients(&["<b@x.example>", "<c@x.example>", "<d@x.example>"]);
    let envelope = Envelope {
        reverse_path: ReversePath::Null,
        parameters: Parameters::EMPTY,
        recipients: &to,
    };
    let mut transaction =
        Transaction::new(envelope, Content::default(), TransactionOptions::default());
    let _ = settle(&mut client, &mut transaction);
    for reply in ["250 ok\r\n", "250 ok\r\n", "452 4.5.3 too many\r\n"] {
        let _ = hear(&mut client, &mut transaction, reply);
    }
    let (sent, _) = hear(&mut client, &mut transaction, "452 4.3.1 full\r\n");
    assert_eq!(sent, "RSET\r\n");
    let _ = hear(&mut client, &mut transaction, "250 ok\r\n");
    let report = transaction.report();
    let told: Vec<_> = report.outcomes().iter().map(|one| format!("{one}")).collect();
    assert_eq!(
        told,
        [
            "deferred at DATA: 452 4.3.1 full",
            "deferred at RCPT: 452 4.5.3 too many",
            "deferred at RCPT: 452 4.5.3 too many"
        ]
    );
}
