//! TLS by rustls over a stream that blocks.

use std::{
    io::{self, IoSlice, Read, Write},
    sync::Arc,
    time::Duration,
};

use smtp_frontend::tls::{
    Side,
    rustls::{
        ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection,
        pki_types::ServerName,
    },
};

use crate::socket::{Duplex, Plain, may_go_on};

/// A plain stream, and TLS on it. A call that would take too long loses nothing: what is on its way stays
/// in the buffers of rustls.
///
/// Each call reads once and writes once at most, so that none takes longer than these may. Where that was
/// not enough it is interrupted: a record that comes octet by octet is whole after many calls, and whoever
/// makes them looks at the time in between.
pub(crate) struct TlsStream {
    connection: Connection,
    plain: Plain,
}

fn invalid(error: smtp_frontend::tls::rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl TlsStream {
    /// The server's side, before its handshake.
    pub(crate) fn server(config: Arc<ServerConfig>, plain: Plain) -> io::Result<Self> {
        let connection = ServerConnection::new(config).map_err(invalid)?.into();
        Ok(Self { connection, plain })
    }

    /// The client's side, before its handshake.
    pub(crate) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        plain: Plain,
    ) -> io::Result<Self> {
        let connection = ClientConnection::new(config, name).map_err(invalid)?.into();
        Ok(Self { connection, plain })
    }

    pub(crate) fn plain(&self) -> &Plain {
        &self.plain
    }

    pub(crate) fn side(&self) -> Side<'_> {
        match &self.connection {
            Connection::Client(connection) => Side::Client(connection),
            Connection::Server(connection) => Side::Server(connection),
        }
    }

    /// Goes on with the handshake; interrupted as long as it is not at its end.
    pub(crate) fn shake_hands(&mut self) -> io::Result<()> {
        self.write_out()?;
        if !self.connection.is_handshaking() {
            return self.plain.flush();
        }
        match self.read_in()? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Err(io::ErrorKind::Interrupted.into()),
        }
    }

    /// Reads records; 0 at the end of the plain stream.
    fn read_in(&mut self) -> io::Result<usize> {
        let read = self.connection.read_tls(&mut self.plain)?;
        if let Err(error) = self.connection.process_new_packets() {
            // The peer is told why, if it listens.
            let _ = self.write_out();
            return Err(invalid(error));
        }
        Ok(read)
    }

    /// Writes records; interrupted when there are more.
    fn write_out(&mut self) -> io::Result<()> {
        if !self.connection.wants_write() {
            return Ok(());
        }
        if self.connection.write_tls(&mut self.plain)? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let left = self.connection.wants_write();
        if left { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }

    /// What was written, when `taken` octets are in the buffers.
    fn written(&mut self, taken: usize) -> io::Result<usize> {
        match self.write_out() {
            // They leave later.
            Err(error) if taken > 0 && may_go_on(&error) => Ok(taken),
            Err(error) => Err(error),
            Ok(()) => Ok(taken),
        }
    }
}

impl Duplex for TlsStream {
    fn set_timeout(&mut self, time: Duration) -> io::Result<()> {
        self.plain.set_timeout(time)
    }

    fn set_nonblocking(&mut self, nonblocking: bool) -> io::Result<()> {
        self.plain.set_nonblocking(nonblocking)
    }

    fn close(&mut self) -> io::Result<()> {
        self.connection.send_close_notify();
        self.flush()?;
        self.plain.close()
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.connection.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
        // At the end rustls says whether that was a proper one.
        self.read_in()?;
        // Keys are renewed by who reads.
        match self.write_out() {
            Err(error) if !may_go_on(&error) => return Err(error),
            _ => {}
        }
        match self.connection.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::ErrorKind::Interrupted.into())
            }
            read => read,
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(octets)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            let taken = self.connection.writer().write_vectored(slices)?;
            // Where the buffers were full there is room behind this.
            let taken = self.written(taken)?;
            if taken > 0 || slices.iter().all(|slice| slice.is_empty()) {
                return Ok(taken);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.connection.writer().flush()?;
        self.write_out()?;
        self.plain.flush()
    }
}
