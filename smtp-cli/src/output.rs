//! What is said on the standard output.

use std::{
    fmt,
    io::{self, Write},
};

use crate::exit::{Code, Failure};

/// Says something on stdout. That nobody reads it any longer is no failure: who has seen enough has the exit code,
/// and the work goes on. The macros of std would panic.
pub(crate) fn say(text: fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_fmt(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Code::CannotCreate, format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
