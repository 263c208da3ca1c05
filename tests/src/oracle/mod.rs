//! The grammar of the RFCs as they print it, to be held against that of `smtp-proto`: what one takes
//! the other must take. Slow and simple on purpose; it shares nothing with the parsers.
//!
//! `ascii.abnf` and `utf8.abnf` are the productions, [`Abnf`] matches and makes octets by them,
//! and what the RFCs say beside a production in prose is a function here. Where `smtp-proto` decides
//! otherwise, [`differences`] names the section that has it so.

mod abnf;
pub mod differences;
mod prose;
mod subject;

pub use self::{abnf::Abnf, subject::Subject};
use crate::random::Random;

/// The grammar, with the prose beside it, and with or without the UTF-8 of RFC 6531.
pub fn grammar(utf8: bool) -> Abnf {
    let mut text = include_str!("ascii.abnf").to_owned();
    if utf8 {
        text.push_str(include_str!("utf8.abnf"));
    }
    let mut abnf = Abnf::parse(&text);
    for (name, rule) in prose::RULES {
        if utf8 || *name != "U-label" {
            abnf.prose(name, *rule);
        }
    }
    abnf
}

/// Octets that hold something for some rule, to put where they do not belong.
const SHARDS: [&[u8]; 40] = [
    b"@",
    b".",
    b"..",
    b"\"",
    b"\\",
    b"\\\"",
    b"<",
    b">",
    b"<>",
    b"[",
    b"]",
    b":",
    b"::",
    b",",
    b";",
    b"=",
    b"+",
    b"+3D",
    b"+3d",
    b"-",
    b"_",
    b" ",
    b"  ",
    b"\t",
    b"\0",
    b"\r",
    b"\n",
    b"\r\n",
    b"\x7f",
    b"\x80",
    b"\xc3",
    "\u{e4}".as_bytes(),
    "\u{ff0e}".as_bytes(),
    "\u{3002}".as_bytes(),
    b"IPv6:",
    b"0",
    b"256",
    b"a",
    b"postmaster",
    b"/../",
];

/// Changes octets in one to three places: what was valid mostly no longer is, by little.
pub fn mutate(octets: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(octets.len() + 1);
        let shard = random.one_of(&SHARDS);
        match random.below(6) {
            0 => drop(octets.splice(at..at, shard.iter().copied())),
            1 if at < octets.len() => drop(octets.remove(at)),
            2 if at < octets.len() => {
                octets.splice(at..=at, shard.iter().copied());
            }
            3 if at < octets.len() => octets[at] ^= 1 << random.below(8),
            4 => {
                let from = random.below(octets.len() + 1).min(at);
                let again = octets[from..at].to_vec();
                octets.splice(at..at, again);
            }
            5 => octets.truncate(at.max(octets.len() * 3 / 4)),
            _ => octets.push(b'a'),
        }
    }
}

/// A difference that nobody meant.
#[derive(Debug)]
pub struct Finding {
    /// What they disagree on.
    pub subject: Subject,
    /// With or without UTF-8.
    pub utf8: bool,
    /// The octets, escaped.
    pub octets: String,
    /// Whether `smtp-proto` takes it, and the RFCs do not.
    pub taken: bool,
}

/// How often both were asked, and how often both took it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Count {
    /// How often.
    pub asked: u64,
    /// How often both took it.
    pub taken: u64,
    /// Where both decide otherwise, as is written in [`differences`].
    pub meant: u64,
}

/// Asks both about `times` octet strings, half of them as generated, half of them changed, and tells
/// the differences to `tell`.
pub fn compare(seed: u64, times: u64, mut tell: impl FnMut(Finding)) -> Count {
    let mut random = Random::new(seed);
    let grammars = [grammar(false), grammar(true)];
    let mut count = Count::default();
    for time in 0..times {
        let subject = random.one_of(&Subject::ALL);
        let utf8 = subject.is_wide() || random.once_in(2);
        // Text that UTF-8 makes, refused where there is none, is asked about too.
        let made_by = &grammars[usize::from(utf8 || random.once_in(8))];
        let mut octets = made_by.generate(subject.rule(), &mut random);
        if time % 2 == 1 {
            mutate(&mut octets, &mut random);
        }
        let expected = subject.by_the_book(&grammars[usize::from(utf8)], &octets);
        let taken = subject.by_us(&octets, utf8);
        count.asked += 1;
        count.taken += u64::from(expected && taken);
        if expected == taken {
            continue;
        }
        if differences::ours(subject, &octets, taken).is_some() {
            count.meant += 1;
        } else {
            tell(Finding { subject, utf8, octets: octets.escape_ascii().to_string(), taken });
        }
    }
    count
}
