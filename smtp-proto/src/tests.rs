//! What the tests of several modules need.

mod call;
mod session;
mod shown;

use alloc::string::String;
use core::fmt;

pub(crate) use self::{call::Call, session::Session};

/// A writer that has room for so many octets.
struct Narrow {
    written: String,
    room: usize,
}

impl fmt::Write for Narrow {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.room = self.room.checked_sub(character.len_utf8()).ok_or(fmt::Error)?;
            self.written.push(character);
        }
        Ok(())
    }
}

/// Shows a value to writers that fail, each an octet later than the one before: the error is passed
/// on, and nothing is written behind the place where it happened.
pub(crate) fn passes_errors_on(shown: &dyn fmt::Display) {
    let whole = alloc::format!("{shown}");
    for room in 0..whole.len() {
        let mut writer = Narrow { written: String::new(), room };
        assert!(fmt::write(&mut writer, format_args!("{shown}")).is_err(), "{whole} in {room}");
        assert!(whole.starts_with(&writer.written), "{} of {whole}", writer.written);
        assert!(whole.len() - writer.written.len() > 0);
    }
}
