//! Extensions of the application's own, as a dialog configures them.

use smtp_proto::extension::{ParameterRule, Registered, VerbRule};

/// Carries out a `config extension…` line.
pub(super) fn own_extension(extensions: &mut Vec<Registered>, word: &str, rest: &str) {
    let (keyword, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    if word == "extension" {
        let extension = Registered::local(keyword).unwrap();
        extensions.push(if rest.is_empty() {
            extension
        } else {
            extension.arguments(rest).unwrap()
        });
        return;
    }
    let at = extensions.iter().position(|known| known.keyword() == keyword);
    let extension = extensions.remove(at.expect("config extension KEYWORD comes first"));
    extensions.push(match word {
        "extension-mail" => extension.mail(parameter(rest)),
        "extension-rcpt" => extension.rcpt(parameter(rest)),
        "extension-tls" => extension.inside_tls(),
        _ => match rest.split_once(' ') {
            None => extension.verb(VerbRule::new(rest).unwrap()),
            Some((verb, "outside-transaction")) => {
                extension.verb(VerbRule::new(verb).unwrap().outside_transaction())
            }
            Some((verb, "before-hello")) => {
                extension.verb(VerbRule::new(verb).unwrap().before_hello())
            }
            Some((_, what)) => panic!("{word} … {what}"),
        },
    });
}

/// `NAME`, `NAME=n` for a value of n octets, `NAME?n` for one that may be left out.
fn parameter(text: &str) -> ParameterRule {
    if let Some((keyword, most)) = text.split_once('=') {
        ParameterRule::required(keyword, most.parse().expect("a number")).unwrap()
    } else if let Some((keyword, most)) = text.split_once('?') {
        ParameterRule::optional(keyword, most.parse().expect("a number")).unwrap()
    } else {
        ParameterRule::alone(text).unwrap()
    }
}
