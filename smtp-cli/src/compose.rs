//! Composes a message: header, text and attachments.

use std::{fs, path::Path};

use mail_builder::MessageBuilder;

use crate::exit::{Code, Failure};

/// What to compose from.
#[derive(Debug)]
pub(crate) struct Draft<'d> {
    pub(crate) from: &'d str,
    pub(crate) to: &'d [String],
    pub(crate) subject: Option<&'d str>,
    pub(crate) body: Option<&'d str>,
    pub(crate) attachments: &'d [std::path::PathBuf],
}

/// The finished message, with From, To, Date, Message-ID and MIME fields, lines ended by CRLF.
pub(crate) fn compose(draft: &Draft<'_>) -> Result<Vec<u8>, Failure> {
    let mut message = MessageBuilder::new()
        .from(draft.from)
        .to(draft.to.iter().map(String::as_str).collect::<Vec<_>>())
        .subject(draft.subject.unwrap_or_default())
        .message_id(message_id(draft.from))
        .text_body(draft.body.unwrap_or_default());
    for path in draft.attachments {
        let octets = fs::read(path)
            .map_err(|error| Failure::new(Code::Data, format!("{}: {error}", path.display())))?;
        message = message.attachment(content_type(path), file_name(path), octets);
    }
    message.write_to_vec().map_err(|error| Failure::new(Code::Data, error))
}

/// A unique id in the sender's domain.
fn message_id(from: &str) -> String {
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let random = std::hash::BuildHasher::hash_one(
        &std::collections::hash_map::RandomState::new(),
        now.as_nanos(),
    );
    format!("{}.{}.{random:016x}@{domain}", now.as_secs(), std::process::id())
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "attachment".into(), |name| name.to_string_lossy().into_owned())
}

fn content_type(path: &Path) -> String {
    mime_guess::from_path(path).first_or_octet_stream().essence_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composed_message_has_what_a_message_needs() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("figures.csv");
        fs::write(&path, "a,b\n1,2\n").unwrap();
        let octets = compose(&Draft {
            from: "alice@example.org",
            to: &["bob@example.net".into(), "carol@example.net".into()],
            subject: Some("Grüße"),
            body: Some("Hällo\n.\nbye"),
            attachments: &[path],
        })
        .unwrap();
        let text = String::from_utf8(octets).unwrap();
        assert!(text.is_ascii());
        for field in ["From: ", "To: ", "Date: ", "Message-ID: ", "Subject: ", "MIME-Version: 1.0"]
        {
            assert!(text.contains(field), "{field} is missing in {text}");
        }
        assert!(text.contains("figures.csv") && text.contains("text/csv"));
        assert!(text.split("\r\n").all(|line| !line.contains(['\r', '\n'])));
    }
}
