//! C-57: content at hand goes in one flight with the envelope, unless something is to be known before.

use alloc::boxed::Box;

use bytes::Bytes;

use super::transaction::{hear, open, recipients, settle};
use crate::{
    client::{
        Config, Content, Converter, Envelope, NotConverted, Surveyed, Transaction,
        TransactionOptions, TransactionStep,
    },
    parameter::{Body, Parameters},
    path::ReversePath,
    profile::Syntax,
};

/// Says that it converts, and changes nothing.
#[derive(Debug)]
struct Nothing;

impl Converter for Nothing {
    fn begin(&mut self, content: Content, most: Body) -> Option<Content> {
        Some(Content { body: most, ..content })
    }

    fn convert(&mut self, piece: Bytes) -> Result<Bytes, NotConverted> {
        Ok(piece)
    }

    fn finish(&mut self) -> Result<Bytes, NotConverted> {
        Ok(Bytes::new())
    }
}

#[test]
fn replies_to_what_went_ahead() {
    let mut client = open(Config::default(), &["PIPELINING", "CHUNKING"]);
    let recipients = recipients(&["<b@x.example>", "<c@x.example>"]);
    let envelope = Envelope {
        reverse_path: ReversePath::Null,
        parameters: Parameters::EMPTY,
        recipients: &recipients,
    };
    let message = Surveyed::new("text\r\n");
    let mut transaction =
        Transaction::new(envelope, message.content(), TransactionOptions::default())
            .at_hand(&message);
    let (sent, mut step) = settle(&mut client, &mut transaction);
    assert!(sent.ends_with("RCPT TO:<c@x.example>\r\nBDAT 6 LAST\r\ntext\r\n"), "{sent}");
    // Whatever comes in alone, the content is not asked for.
    for reply in ["250 ok\r\n", "250 ok\r\n", "550 5.1.1 no\r\n", "250 taken\r\n"] {
        assert_eq!(step, TransactionStep::Await, "before {reply}");
        let sent;
        (sent, step) = hear(&mut client, &mut transaction, reply);
        assert_eq!(sent, "", "{reply}");
    }
    assert_eq!(step, TransactionStep::Done);
    let report = transaction.report();
    let [first, second] = report.outcomes() else { panic!("{report:?}") };
    assert!(first.is_delivered() && !second.is_delivered());
}

#[test]
fn what_is_to_be_known_before() {
    let all = ["PIPELINING", "CHUNKING", "8BITMIME", "CHECKPOINT"];
    let some = TransactionOptions::default();
    let together = TransactionOptions { all_or_nothing: true, ..some };
    for (config, offered, parameters, body, options, ahead) in [
        (Config::default(), &all[..], "", Body::SevenBit, some, true),
        (Config::default(), &all, "", Body::SevenBit, together, false),
        // It is to be converted.
        (Config::default(), &all, "", Body::BinaryMime, some, false),
        (Config::default(), &all[1..], "", Body::SevenBit, some, false),
        (Config::default(), &all[..1], "", Body::SevenBit, some, false),
        (Config::lmtp(), &all, "", Body::SevenBit, some, false),
        // The server may have some of it.
        (Config::default(), &all, "TRANSID=<a@x.example>", Body::SevenBit, some, false),
    ] {
        let mut client = open(config, offered);
        let recipients = recipients(&["<b@x.example>"]);
        let list = Parameters::parse(parameters.as_bytes(), &Syntax::INTERNET).unwrap();
        let envelope = Envelope {
            reverse_path: ReversePath::parse("<a@x.example>").unwrap(),
            parameters: list,
            recipients: &recipients,
        };
        let message = Surveyed::new("text\r\n");
        let content = Content { body, ..message.content() };
        let mut transaction = Transaction::new(envelope, content, options)
            .at_hand(&message)
            .converter(Box::new(Nothing));
        let (sent, step) = settle(&mut client, &mut transaction);
        assert_eq!(step, TransactionStep::Await);
        let case = (offered, parameters, body, options);
        assert_eq!(sent.ends_with("text\r\n"), ahead, "{case:?}: {sent}");
    }
}
