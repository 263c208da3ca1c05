//! What a peer may send to make a session work more than it works itself: shapes of input, each of any
//! length. Twice the octets must not cost more than about twice the instructions.
//!
//! Limits on the length of lines, replies and the like are lifted where they would cut a shape short:
//! they are not what is on trial.

mod client;
mod language;
mod server;

/// A shape of input.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// What it is.
    pub name: &'static str,
    /// Makes about so many octets of it.
    octets: fn(usize) -> Vec<u8>,
    /// Takes them; whether all were taken, and the session goes on.
    take: fn(&[u8]) -> bool,
}

/// What is read by whom.
pub const GROUPS: [(&str, &[Shape]); 3] = [
    ("by a server", &server::SHAPES),
    ("by a client", &client::SHAPES),
    ("by what reads language", &language::SHAPES),
];

/// All shapes, one behind the other.
pub fn shapes() -> impl Iterator<Item = &'static Shape> {
    GROUPS.iter().flat_map(|(_, shapes)| shapes.iter())
}

/// The octets of a shape.
#[derive(Debug)]
pub struct Input {
    shape: &'static Shape,
    octets: Vec<u8>,
}

impl Input {
    /// About [`LENGTH`] octets of the shape of this number, and as many `times` over.
    pub fn new(number: usize, times: usize) -> Self {
        let shape = shapes().nth(number).expect("a number of a shape");
        Self { shape, octets: (shape.octets)(LENGTH * times) }
    }

    /// Takes them all; how many there were.
    ///
    /// # Panics
    ///
    /// When not all were taken, as the shape shows nothing then.
    pub fn take(&self) -> usize {
        assert!((self.shape.take)(&self.octets), "{}: cut short", self.shape.name);
        self.octets.len()
    }
}

/// Octets of the shorter input. Twice as many fit in a PROXY header.
pub const LENGTH: usize = 32_000;

/// `length` octets of this, over and over.
fn of(pattern: &str, length: usize) -> Vec<u8> {
    pattern.bytes().cycle().take(length).collect()
}

/// This, whole, as often as it fits in `length` octets.
fn whole(pattern: &str, length: usize) -> Vec<u8> {
    pattern.repeat(length / pattern.len()).into_bytes()
}

/// A line for each number, as many as fit in `length` octets.
fn lines(length: usize, line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut lines = Vec::new();
    for number in 0.. {
        let line = line(number);
        if lines.len() + line.len() > length {
            break;
        }
        lines.extend_from_slice(line.as_bytes());
    }
    lines
}
