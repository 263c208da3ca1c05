//! The switches of policy by their names, for `config policy SWITCH VALUE` in a dialog.

use smtp_proto::{
    data::BareNewline,
    profile::{HelloSyntax, LastWithoutRcpt, LongLine, Profile, StartTlsTrailing, Verdict},
    reply::CodeMismatch,
};

/// Sets a switch, as the conformance page names it and its values.
///
/// # Panics
/// When there is no such switch, or it has no such value.
pub fn set(profile: &mut Profile, setting: &str) {
    let (switch, value) = setting.split_once(' ').expect("SWITCH VALUE");
    let on = || match value {
        "on" => true,
        "off" => false,
        _ => panic!("{switch} {value}"),
    };
    let verdict = || match value {
        "accept" | "allow" => Verdict::Accept,
        "reject" => Verdict::Reject,
        _ => panic!("{switch} {value}"),
    };
    let number = || (value != "none").then(|| value.parse().expect("a number"));
    let newline = || match value {
        "reject" | "error" => BareNewline::Reject,
        "normalize" => BareNewline::Normalize,
        "normalize-lf" => BareNewline::NormalizeLf,
        _ => panic!("{switch} {value}"),
    };
    let Profile { syntax, server, client, .. } = profile;
    match switch {
        "bare_newline" => server.bare_newline = newline(),
        "client_bare_newline" => client.bare_newline = newline(),
        "undeclared_8bit" => server.undeclared_8bit = verdict(),
        "nul_in_text" => server.nul_in_text = verdict(),
        "max_text_line" => server.max_text_line = number(),
        "long_line" => {
            client.long_line = match value {
                "send" => LongLine::Send,
                "error" => LongLine::Error,
                _ => panic!("{switch} {value}"),
            }
        }
        "reply_code_mismatch" => {
            client.reply_code_mismatch = match value {
                "error" => CodeMismatch::Error,
                "last" => CodeMismatch::Last,
                _ => panic!("{switch} {value}"),
            }
        }
        "lenient_reply_lf" => client.lenient_reply_lf = on(),
        "relaxed_syntax" => syntax.relaxed = on(),
        "local_part_max" => syntax.local_part_max = number().and_then(|n| u16::try_from(n).ok()),
        "client_local_part_max" => {
            client.local_part_max = number().and_then(|n| u16::try_from(n).ok());
        }
        "underscore_domain" => syntax.underscore_domain = on(),
        "hello_syntax" => {
            syntax.hello = match value {
                "strict" => HelloSyntax::Strict,
                "underscore" => HelloSyntax::Underscore,
                "any" => HelloSyntax::Any,
                _ => panic!("{switch} {value}"),
            }
        }
        "utf8_orcpt" => server.utf8_orcpt = verdict(),
        "early_talker" => server.early_talker = verdict(),
        "disclose_forward" => server.disclose_forward = on(),
        "early_data" => server.early_data = verdict(),
        "lmtp_last_without_rcpt" => {
            server.lmtp_last_without_rcpt = match value {
                "none" => LastWithoutRcpt::Silent,
                "503" => LastWithoutRcpt::Refuse,
                _ => panic!("{switch} {value}"),
            }
        }
        "starttls_trailing" => {
            server.starttls_trailing = match value {
                "close" => StartTlsTrailing::Close,
                "discard" => StartTlsTrailing::Discard,
                _ => panic!("{switch} {value}"),
            }
        }
        "plaintext_auth" => server.plaintext_auth = on(),
        "unannounced_pipelining" => server.unannounced_pipelining = verdict(),
        "helo_after_drop" => client.helo_after_drop = on(),
        _ => panic!("no switch {switch}"),
    }
}

/// The profile of that name.
///
/// # Panics
/// When there is none.
pub fn profile(name: &str) -> Profile {
    match name {
        "strict" => Profile::STRICT,
        "internet" => Profile::INTERNET,
        "lenient" => Profile::LENIENT,
        _ => panic!("no profile {name}"),
    }
}
