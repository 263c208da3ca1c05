//! The PROXY protocol header that a proxy puts in front of a session.

use std::{
    io,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use smtp_proto::{
    proxy::{Header, Version},
    server::Server as Machine,
};

use super::{Core, Service, limits::Refusal, listen};
use crate::{
    driver::Driver,
    runtime::Runtime,
    session::{Backend, Facts},
};

/// How long a proxy may take for its header.
const HEADER: Duration = Duration::from_secs(5);

/// Reads the header, then admits the client it names. Without a header that is whole and valid the
/// connection is dropped without a word: nobody but the proxy should have come here.
pub(super) async fn admit<B: Backend, R: Runtime>(
    core: Arc<Core<B>>,
    mut driver: Box<dyn Driver<Machine>>,
    service: Service,
    mut facts: Facts,
) {
    // Counts as a connection while the header is awaited.
    let seat = match core.control.reserve() {
        Ok(seat) => seat,
        Err(refusal) => return core.refused(&facts, refusal),
    };
    let read = read(&mut *driver, &mut facts).await;
    drop(seat);
    match read {
        Ok(()) => {
            if let Err(error) = listen::admit::<B, R>(&core, driver, service, facts) {
                core.accept_failed(&error);
            }
        }
        Err(_) => core.refused(&facts, Refusal::ProxyHeader),
    }
}

/// Reads no octet of what follows the header, which may be a TLS handshake, and waits for none
/// behind the first that is wrong.
async fn read(driver: &mut dyn Driver<Machine>, facts: &mut Facts) -> io::Result<()> {
    let mut octets = Vec::new();
    let reading = driver.within(HEADER, |driver, cx| {
        loop {
            let parsed = Header::parse(&octets, Version::Any);
            let parsed =
                parsed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if let Some((header, _)) = parsed {
                // When the proxy speaks for itself, it is the client. When it does not know the
                // client, nobody gets rights by its own address.
                if !header.is_local() {
                    facts.peer = header.source();
                    facts.local = header.destination();
                }
                return Poll::Ready(Ok(()));
            }
            let before = octets.len();
            octets.resize(before + Header::missing(&octets), 0);
            let read = driver.poll_read(cx, &mut octets[before..]);
            octets.truncate(before + if let Poll::Ready(Ok(read)) = read { read } else { 0 });
            if ready!(read)? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    });
    reading.await
}
