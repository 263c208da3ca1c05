//! The keywords of parameters that are known here.

use crate::extension::Extension;
use crate::grammar;

macro_rules! keywords {
    (
        $(#[$doc:meta])*
        $name:ident { $($constant:ident = $word:literal => $keyword:ident of $extension:ident;)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name {
            $($keyword,)*
        }

        impl $name {
            $(const $constant: u64 = grammar::folded_word($word.as_bytes());)*

            #[cfg(test)]
            const ALL: &[(&str, Self)] = &[$(($word, Self::$keyword)),*];

            /// The keyword, in any case.
            #[inline]
            pub(super) fn of(word: &[u8]) -> Option<Self> {
                match grammar::folded_word(word) {
                    $(Self::$constant => grammar::ends_word(word, $word).then_some(Self::$keyword),)*
                    _ => None,
                }
            }

            /// The extension that brings it.
            pub(super) const fn extension(self) -> Extension {
                match self {
                    $(Self::$keyword => Extension::$extension,)*
                }
            }
        }
    };
}

keywords! {
    /// A keyword that has a meaning on MAIL.
    MailKeyword {
        SIZE = "SIZE" => Size of Size;
        BODY = "BODY" => Body of EightBitMime;
        SMTPUTF8 = "SMTPUTF8" => SmtpUtf8 of SmtpUtf8;
        AUTH = "AUTH" => Auth of Auth;
        RET = "RET" => Ret of Dsn;
        ENVID = "ENVID" => Envid of Dsn;
        REQUIRETLS = "REQUIRETLS" => RequireTls of RequireTls;
        BY = "BY" => By of DeliverBy;
        HOLDFOR = "HOLDFOR" => HoldFor of FutureRelease;
        HOLDUNTIL = "HOLDUNTIL" => HoldUntil of FutureRelease;
        MT_PRIORITY = "MT-PRIORITY" => MtPriority of MtPriority;
        SOLICIT = "SOLICIT" => Solicit of NoSoliciting;
        MTRK = "MTRK" => Mtrk of Mtrk;
        TRANSID = "TRANSID" => TransId of Checkpoint;
        CONPERM = "CONPERM" => ConPerm of ConPerm;
    }
}

keywords! {
    /// A keyword that has a meaning on RCPT.
    RcptKeyword {
        NOTIFY = "NOTIFY" => Notify of Dsn;
        ORCPT = "ORCPT" => Orcpt of Dsn;
        RRVS = "RRVS" => Rrvs of Rrvs;
        CONNEG = "CONNEG" => ConNeg of ConNeg;
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    /// Words that are nearly this one, and the word itself.
    fn spellings(word: &str) -> impl Iterator<Item = String> {
        let places = word.char_indices().map(|(place, _)| (&word[..place], &word[place + 1..]));
        places.flat_map(move |(before, behind)| {
            ["", "-", "0", "A", "z"]
                .map(|other| [before, other, behind].concat())
                .into_iter()
                .chain([[word, before].concat(), word.to_lowercase()])
        })
    }

    #[test]
    fn a_keyword_is_known_in_any_case_and_in_no_other_spelling() {
        for &(word, _) in MailKeyword::ALL {
            for spelling in spellings(word) {
                let mut known = MailKeyword::ALL.iter();
                let known = known.find(|(known, _)| known.eq_ignore_ascii_case(&spelling));
                let keyword = MailKeyword::of(spelling.as_bytes());
                assert_eq!(keyword, known.map(|&(_, keyword)| keyword), "{spelling}");
            }
        }
        for &(word, _) in RcptKeyword::ALL {
            for spelling in spellings(word) {
                let mut known = RcptKeyword::ALL.iter();
                let known = known.find(|(known, _)| known.eq_ignore_ascii_case(&spelling));
                let keyword = RcptKeyword::of(spelling.as_bytes());
                assert_eq!(keyword, known.map(|&(_, keyword)| keyword), "{spelling}");
            }
        }
        assert_eq!(MailKeyword::of(b""), None);
    }
}
