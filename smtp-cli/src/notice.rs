//! What is said on the standard error stream.

use std::{
    fmt,
    io::{self, Write},
};

/// Says a line on stderr. Where that cannot be written, as on a full disk, nobody can be told, and the work
/// goes on: the macros of std would panic in the middle of a session.
pub(crate) fn notice(line: fmt::Arguments<'_>) {
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "{line}");
}
