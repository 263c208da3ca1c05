//! What is sent: octets that are at hand, a reader, or a message that is being received.

use std::{
    collections::VecDeque, fmt, future::poll_fn, io, marker::PhantomData, task::Poll,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use smtp_proto::{
    client::{Client as Machine, Content, Misuse, Survey, Surveyed, Transaction},
    data::BareNewline,
    parameter::Body,
    trace::WithoutFields,
};

use crate::{
    body,
    driver::{Driver, after},
    runtime::{Coming, Incoming, ReadFrom, Reader, RewindFrom, Runtime},
};

/// Octets read at once.
const PIECE: usize = 64 * 1024;

/// How long a piece waits for more, and for the end.
const PATIENCE: Duration = Duration::from_millis(100);

/// The content of a message: header and body, lines ended by CRLF, dots as they are.
///
/// Made from octets ([`Bytes`], `Vec<u8>`, `String`, `&'static [u8]`, `&'static str`), nothing needs
/// to be said of them: their size, whether they are 8-bit and whether the header needs SMTPUTF8 is
/// looked up, each time that they are sent; of a [`Surveyed`] message once for all. Of a
/// [`reader`](Self::reader) it has to be said with [`content`](Self::content), as it must be known before
/// the first octet is read; else it is taken for 7-bit.
///
/// A [`Body`](crate::Body) that a server is receiving goes on piece by piece as it comes, without a copy; by
/// BDAT a piece waits for the next one, as the last says that it is. If it turns out to be void, the
/// connection is cut and the message is not delivered. It is taken for 8-bit content of the size that was
/// declared, unless [`content`](Self::content) says something else.
///
/// A small message of octets goes by BDAT in one flight with its envelope, where the server takes it so: see
/// [`ClientLimits::ahead`](smtp_proto::limits::ClientLimits::ahead).
///
/// Octets, and a reader that [can go back](Self::rewindable), can be sent more than once: to a server
/// that takes only so many recipients at a time.
pub struct Message<'m, R> {
    data: MailData<'m>,
    runtime: PhantomData<fn() -> R>,
}

/// What [`Client::send`](crate::Client::send) takes: octets, or a [`Message`].
pub struct MailData<'m> {
    source: Source<'m>,
    content: Option<Content>,
    /// Goes in front of what is sent; empty for nothing.
    front: Bytes,
    without_bcc: bool,
}

enum Source<'m> {
    Octets(Bytes),
    Surveyed(Surveyed),
    Reader(Box<dyn Reader + 'm>),
    Body(&'m mut (dyn Incoming + 'm)),
}

impl Incoming for body::Body<'_> {
    fn next(&mut self) -> Coming<'_> {
        Box::pin(async { Ok(self.next().await?) })
    }

    fn declared_size(&self) -> Option<u64> {
        self.declared_size()
    }
}

impl<'m, R: Runtime> Message<'m, R> {
    /// A message that is read while it is sent, 64 KiB at a time, or as much as there is after a tenth of a
    /// second. A reader that blocks, on threads, is waited for also with what it gave before. If reading fails,
    /// the connection is cut and the message is not delivered.
    pub fn reader<T: 'm>(reader: T) -> Self
    where
        R: ReadFrom<T>,
    {
        Self { data: MailData::of(Source::Reader(R::reader(reader))), runtime: PhantomData }
    }

    /// A message that is read while it is sent, from where the reader stands, and again from there when
    /// it is needed once more; such as a file.
    pub fn rewindable<T: 'm>(reader: T) -> Self
    where
        R: RewindFrom<T>,
    {
        Self { data: MailData::of(Source::Reader(R::rewindable(reader))), runtime: PhantomData }
    }

    /// Says what is known of the content, instead of what is looked up. Octets that are 8-bit are not
    /// believed to be 7-bit.
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.data.content = Some(content);
        self
    }

    /// Puts header fields in front of the content, whole lines with their CRLF, such as the trace field of whoever
    /// passes a message on (RFC 5321 section 4.4; [`Received`](smtp_proto::trace::Received)). Octets that are at
    /// hand are copied behind them, once. A size that is [stated](Self::content), or was declared for a
    /// [`Body`](crate::Body), is that of the content alone.
    ///
    /// ```
    /// # use smtp_tokio::Message;
    /// # use smtp_tokio::proto::{date::{Date, Timestamp}, domain::Host, trace::Received};
    /// # let now = Date::utc(Timestamp::from_unix(1_767_614_400));
    /// let field = Received::new(Host::parse("relay.example.org")?, "ESMTP", now);
    /// let message = Message::from("Subject: hi\r\n\r\nHello!\r\n").in_front(field.to_string());
    /// # Ok::<(), smtp_tokio::proto::error::ParseError>(())
    /// ```
    #[must_use]
    pub fn in_front(mut self, fields: impl Into<Bytes>) -> Self {
        self.data.front = joined(&fields.into(), &self.data.front);
        self
    }

    /// Leaves out the `Bcc:` and `Resent-Bcc:` fields of the header section, whose recipients the others
    /// are not to see (RFC 5322 section 3.6.3); all else is sent as it is. For messages that the
    /// envelope was made of ([`EnvelopeBuf`](smtp_proto::client::EnvelopeBuf)). A size that is
    /// [stated](Self::content) may be the one with them.
    ///
    /// ```
    /// # use smtp_tokio::Message;
    /// let message = Message::from("To: ann@example.net\r\nBcc: bob@example.com\r\n\r\nHello!\r\n");
    /// let message = message.without_bcc();
    /// ```
    #[must_use]
    pub fn without_bcc(mut self) -> Self {
        self.data.without_bcc = true;
        self
    }
}

impl<'m, R> From<Message<'m, R>> for MailData<'m> {
    fn from(message: Message<'m, R>) -> Self {
        message.data
    }
}

impl<'m> MailData<'m> {
    fn of(source: Source<'m>) -> Self {
        Self { source, content: None, front: Bytes::new(), without_bcc: false }
    }

    /// A message that is being received: what a [`Body`](crate::Body) becomes, for a runtime that has a type
    /// of its own for it.
    pub fn incoming(body: &'m mut (dyn Incoming + 'm)) -> Self {
        let content =
            Content { size: body.declared_size(), body: Body::EightBitMime, smtputf8: false };
        Self { content: Some(content), ..Self::of(Source::Body(body)) }
    }

    /// The same once more; only octets can be had twice.
    pub(super) fn again(&self) -> Option<Self> {
        let source = match &self.source {
            Source::Octets(octets) => Source::Octets(octets.clone()),
            Source::Surveyed(message) => Source::Surveyed(message.clone()),
            Source::Reader(_) | Source::Body(_) => return None,
        };
        Some(Self { source, front: self.front.clone(), ..*self })
    }

    /// Takes what is to go in front into the content: octets that are at hand stay one piece.
    fn join_front(&mut self) {
        let behind = u64::try_from(self.front.len()).unwrap_or(u64::MAX);
        if let Some(content) = &mut self.content {
            content.size = content.size.map(|size| size.saturating_add(behind));
            if !self.front.is_ascii() {
                content.smtputf8 = true;
                if content.body == Body::SevenBit {
                    content.body = Body::EightBitMime;
                }
            }
        }
        let octets = match &self.source {
            Source::Octets(octets) => octets,
            Source::Surveyed(message) => message.octets(),
            Source::Reader(_) | Source::Body(_) => return,
        };
        self.source = Source::Octets(joined(&self.front, octets));
        self.front = Bytes::new();
    }

    /// What the transaction has to know, and the octets.
    pub(super) fn prepare(mut self, policy: BareNewline) -> Result<(Content, Pieces<'m>), Misuse> {
        if !self.front.is_empty() {
            self.join_front();
        }
        let filter = self.without_bcc.then(WithoutFields::bcc);
        let is_binary = self.content.is_some_and(|content| content.body == Body::BinaryMime);
        // Surveyed are octets that go out as they are.
        let source = match self.source {
            Source::Octets(octets) if filter.is_none() && !is_binary => {
                Source::Surveyed(octets.into())
            }
            Source::Surveyed(message) if filter.is_some() || is_binary => {
                Source::Octets(message.octets().clone())
            }
            source => source,
        };
        let found = match &source {
            Source::Surveyed(message) => Some((message.content(), message.is_refused(policy))),
            Source::Octets(octets) if !is_binary => {
                let survey = without_bcc(octets.clone());
                Some((survey.content(), survey.is_refused(policy)))
            }
            _ => None,
        };
        let mut content = self.content.or(found.map(|found| found.0)).unwrap_or_default();
        if let Some((found, refused)) = found {
            if refused {
                return Err(Misuse::BareNewline);
            }
            if content.body == Body::SevenBit {
                content.body = found.body;
            }
        }
        Ok((content, Pieces::new(source, self.front, filter)))
    }
}

/// What can be seen in the octets of a whole message when its Bcc fields are left out.
fn without_bcc(octets: Bytes) -> Survey {
    let (mut survey, mut filter) = (Survey::default(), WithoutFields::bcc());
    filter.pass(octets, |kept| survey.read(&kept));
    filter.finish(|kept| survey.read(&kept));
    survey
}

/// One behind the other, without a copy where one is empty.
fn joined(first: &Bytes, second: &Bytes) -> Bytes {
    match (first.is_empty(), second.is_empty()) {
        (true, _) => second.clone(),
        (_, true) => first.clone(),
        _ => [&first[..], &second[..]].concat().into(),
    }
}

/// A message as it is handed to a transaction, a piece at a time.
pub(super) struct Pieces<'m> {
    source: Source<'m>,
    /// Goes in front of what the source has.
    front: Bytes,
    ended: bool,
    filter: Option<WithoutFields>,
    /// What goes next: what was to be in front, and what the filter has let through.
    kept: VecDeque<Bytes>,
}

impl<'m> Pieces<'m> {
    fn new(source: Source<'m>, front: Bytes, filter: Option<WithoutFields>) -> Self {
        let mut this = Self { source, front, ended: false, filter, kept: VecDeque::new() };
        this.keep_front();
        this
    }

    fn keep_front(&mut self) {
        self.kept.extend(Some(self.front.clone()).filter(|front| !front.is_empty()));
    }

    /// The whole message, where it is at hand as it is sent.
    pub(super) fn at_hand(&self) -> Option<Surveyed> {
        match &self.source {
            Source::Surveyed(message) => Some(message.clone()),
            _ => None,
        }
    }

    /// Goes back to the beginning; whether that can be done.
    pub(super) async fn rewind(&mut self) -> io::Result<bool> {
        self.ended = false;
        self.kept.clear();
        self.keep_front();
        self.filter = self.filter.as_ref().map(|_| WithoutFields::bcc());
        match &mut self.source {
            Source::Octets(_) | Source::Surveyed(_) => Ok(true),
            Source::Reader(reader) => poll_fn(|cx| reader.poll_rewind(cx)).await,
            Source::Body(_) => Ok(false),
        }
    }

    /// Hands over the next piece, and with the last one the end: both then leave in one write.
    pub(super) async fn hand_over(
        &mut self,
        driver: &mut dyn Driver<Machine>,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), String> {
        let (given, last) = match &self.source {
            Source::Surveyed(message) if !self.ended => {
                self.ended = true;
                (transaction.surveyed_body(driver.endpoint_mut(), message), true)
            }
            _ => {
                let next = self.next(driver).await;
                let (piece, last) = next.map_err(|error| error.to_string())?;
                (transaction.body(driver.endpoint_mut(), piece), last)
            }
        };
        let (mut given, machine) = (given, driver.endpoint_mut());
        if last {
            given = given.and_then(|()| transaction.end_of_body(machine));
        }
        given.map_err(|misuse| misuse.to_string())
    }

    /// The next piece, and whether it is the last. It is empty only then.
    async fn next(&mut self, driver: &mut dyn Driver<Machine>) -> io::Result<(Bytes, bool)> {
        loop {
            if let Some(piece) = self.kept.pop_front() {
                return Ok((piece, self.ended && self.kept.is_empty()));
            }
            if self.ended {
                return Ok((Bytes::new(), true));
            }
            let (piece, last) = match &mut self.source {
                Source::Reader(reader) => read(&mut **reader, driver).await?,
                Source::Octets(octets) => (octets.clone(), true),
                Source::Surveyed(message) => (message.octets().clone(), true),
                Source::Body(body) => {
                    let piece = body.next().await?;
                    let last = piece.is_none();
                    (piece.unwrap_or_default(), last)
                }
            };
            self.ended = last;
            let Some(filter) = &mut self.filter else { return Ok((piece, last)) };
            filter.pass(piece, |kept| self.kept.push_back(kept));
            if last {
                filter.finish(|kept| self.kept.push_back(kept));
            }
        }
    }
}

/// The next piece, and whether it is the last. A reader that makes one wait is not waited for when
/// there is something to send already.
async fn read(
    reader: &mut (dyn Reader + '_),
    driver: &mut dyn Driver<Machine>,
) -> io::Result<(Bytes, bool)> {
    let mut piece = BytesMut::with_capacity(PIECE);
    // For all of the piece: one that trickles in is not held back until it is full.
    let mut deadline = None;
    while piece.len() < PIECE {
        let reading = poll_fn(|cx| {
            if let Poll::Ready(read) = reader.poll_fill(cx, &mut piece) {
                return Poll::Ready(Some(read));
            }
            if piece.is_empty() {
                return Poll::Pending;
            }
            let deadline = *deadline.get_or_insert_with(|| after(driver.now(), PATIENCE));
            driver.poll_until(cx, deadline).map(|()| None)
        });
        match reading.await.transpose()? {
            Some(0) => return Ok((piece.freeze(), true)),
            Some(_) => {
                let now = driver.now();
                if now >= *deadline.get_or_insert_with(|| after(now, PATIENCE)) {
                    break;
                }
            }
            None => break,
        }
    }
    Ok((piece.freeze(), false))
}

/// Both are made from the same.
macro_rules! made_from {
    ($($octets:ty: $octets_name:ident => $bytes:expr;)*) => {$(
        impl From<$octets> for MailData<'_> {
            fn from($octets_name: $octets) -> Self {
                Self::of(Source::Octets($bytes))
            }
        }

        impl<R> From<$octets> for Message<'_, R> {
            fn from(octets: $octets) -> Self {
                Self { data: octets.into(), runtime: PhantomData }
            }
        }
    )*};
}

made_from! {
    Bytes: octets => octets;
    Vec<u8>: octets => octets.into();
    String: text => text.into();
    &'static [u8]: octets => Bytes::from_static(octets);
    &'static str: text => Bytes::from_static(text.as_bytes());
}

impl<'m> From<&'m mut body::Body<'_>> for MailData<'m> {
    fn from(body: &'m mut body::Body<'_>) -> Self {
        Self::incoming(body)
    }
}

impl<'m, R> From<&'m mut body::Body<'_>> for Message<'m, R> {
    fn from(body: &'m mut body::Body<'_>) -> Self {
        MailData::from(body).into()
    }
}

impl<'m, R> From<MailData<'m>> for Message<'m, R> {
    fn from(data: MailData<'m>) -> Self {
        Self { data, runtime: PhantomData }
    }
}

impl From<Surveyed> for MailData<'_> {
    fn from(message: Surveyed) -> Self {
        Self::of(Source::Surveyed(message))
    }
}

impl<R> From<Surveyed> for Message<'_, R> {
    fn from(message: Surveyed) -> Self {
        Self { data: message.into(), runtime: PhantomData }
    }
}

impl<R> fmt::Debug for Message<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

impl fmt::Debug for MailData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Octets(octets) => write!(f, "Message({} octets)", octets.len()),
            Source::Surveyed(message) => write!(f, "Message({} octets)", message.octets().len()),
            Source::Reader(_) => f.write_str("Message(reader)"),
            Source::Body(_) => f.write_str("Message(body)"),
        }
    }
}
