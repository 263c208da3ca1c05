//! The PROXY protocol header that a proxy puts in front of a session.

use std::{io, sync::Arc, time::Duration};

use smtp_proto::proxy::{Header, Version};
use tokio::{io::AsyncReadExt, time::timeout};

use super::{Core, Service, listen};
use crate::{
    session::{Backend, Facts},
    tls::Stream,
};

/// How long a proxy may take for its header.
const HEADER: Duration = Duration::from_secs(5);

/// Reads the header, then admits the client it names. Without a header that is whole and valid the
/// connection is dropped without a word: nobody but the proxy should have come here.
pub(super) async fn admit<B: Backend>(
    core: Arc<Core<B>>,
    mut stream: Stream,
    service: Service,
    mut facts: Facts,
) {
    // Counts as a connection while the header is awaited.
    let Some(seat) = core.control.admit(None) else {
        return;
    };
    let read = timeout(HEADER, read(&mut stream, &mut facts)).await;
    drop(seat);
    if let Ok(Ok(())) = read {
        listen::admit(&core, stream, service, facts);
    }
}

/// Reads no octet of what follows the header, which may be a TLS handshake, and waits for none
/// behind the first that is wrong.
async fn read(stream: &mut Stream, facts: &mut Facts) -> io::Result<()> {
    let mut octets = Vec::new();
    loop {
        let before = octets.len();
        octets.resize(before + Header::missing(&octets), 0);
        let read = stream.read(&mut octets[before..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        octets.truncate(before + read);
        let parsed = Header::parse(&octets, Version::Any);
        let parsed = parsed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if let Some((header, _)) = parsed {
            // When the proxy speaks for itself, it is the client. When it does not know the client,
            // nobody gets rights by its own address.
            if !header.is_local() {
                facts.peer = header.source();
                facts.local = header.destination();
            }
            return Ok(());
        }
    }
}
