//! That no client can be accepted, told now and then.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use smtp_frontend::Observer;

use crate::notice::notice;

/// How often it is told at most: what is missing, such as file descriptors, is missing for each client that comes.
const PAUSE: Duration = Duration::from_secs(60);

/// Tells on stderr that clients cannot be accepted.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    /// How often it has not been told since.
    untold: u64,
}

impl Trouble {
    pub(super) fn tell(&self, error: &io::Error) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told.is_due(Instant::now()) {
            None => {}
            Some(0) => notice(format_args!("smtp: cannot accept a client: {error}")),
            Some(untold) => notice(format_args!(
                "smtp: cannot accept a client: {error}; nor {untold} times before"
            )),
        }
    }
}

impl Told {
    /// How often it has not been told, if it is to be told now.
    fn is_due(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.duration_since(last) < PAUSE) {
            self.untold += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

impl Observer for Trouble {
    fn accept_failed(&self, error: &io::Error) {
        self.tell(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_at_once_and_then_once_a_minute_with_how_often() {
        let mut told = Told::default();
        let begun = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(told.is_due(begun), Some(0));
        assert_eq!((1..60).find_map(|n| told.is_due(begun + n * second)), None);
        assert_eq!(told.is_due(begun + 60 * second), Some(59));
        assert_eq!(told.is_due(begun + 61 * second), None);
        assert_eq!(told.is_due(begun + 600 * second), Some(1));
        assert_eq!(told.is_due(begun + 900 * second), Some(0));
    }
}
