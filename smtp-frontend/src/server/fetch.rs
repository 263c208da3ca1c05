//! What a body needs of the backend.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use smtp_proto::{answer::Rejection, command::Url};

use super::Core;
use crate::session::{Backend, Facts};

type Fetched<'f> = Pin<Box<dyn Future<Output = Result<Bytes, Rejection<'static>>> + Send + 'f>>;

/// Fetches content for BURL, whatever the backend is.
pub(crate) trait Fetch: Send + Sync {
    /// As [`Backend::fetch`].
    fn fetch<'f>(&'f self, url: Url<'f>, room: Option<u64>, facts: &'f Facts) -> Fetched<'f>;
}

impl<B: Backend> Fetch for Core<B> {
    fn fetch<'f>(&'f self, url: Url<'f>, room: Option<u64>, facts: &'f Facts) -> Fetched<'f> {
        Box::pin(self.backend.fetch(url, room, facts))
    }
}
