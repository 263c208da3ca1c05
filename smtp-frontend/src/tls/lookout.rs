//! Looking at certificates without insisting: for policies that are being tested.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{Error, client::danger::ServerCertVerifier};

use super::judge::{Judge, Judged, Shown};

/// Takes any certificate, and remembers what `judge` has against it.
#[derive(Debug)]
pub(crate) struct Lookout {
    judge: Arc<dyn ServerCertVerifier>,
    found: Mutex<Option<Error>>,
}

impl Lookout {
    pub(crate) fn new(judge: Arc<dyn ServerCertVerifier>) -> Self {
        Self { judge, found: Mutex::default() }
    }

    pub(crate) fn verifier(self: &Arc<Self>) -> Arc<dyn ServerCertVerifier> {
        Arc::new(Judged::by(Arc::clone(self)))
    }

    /// What was wrong.
    pub(crate) fn found(&self) -> Option<Error> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Judge for Lookout {
    fn judge(&self, shown: &Shown<'_>) -> Result<(), Error> {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) =
            shown.verify(&*self.judge).err();
        Ok(())
    }
}
