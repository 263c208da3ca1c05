//! The sockets that clients come to.

use std::{io, net::SocketAddr};

use smtp_frontend::Server;

use super::Delivery;
use crate::{
    args,
    exit::{Code, Failure},
    runtime::System,
};

/// Binds every socket that was asked for: the server, a line for each, and the first SMTP address.
pub(super) async fn bind_all<R: System>(
    mut server: Server<Delivery<R>, R>,
    arguments: &args::Serve,
) -> Result<(Server<Delivery<R>, R>, Vec<String>, Option<SocketAddr>), Failure> {
    let mut lines = Vec::new();
    let mut first = None;
    let mut smtp = arguments.listen.clone();
    if smtp.is_empty() && arguments.listen_tls.is_empty() && arguments.listen_lmtp.is_empty() {
        smtp.push("127.0.0.1:2525".into());
    }
    for address in &smtp {
        let (listener, bound) = bind::<R>(address).await?;
        first.get_or_insert(bound);
        lines.push(format!("smtp {bound}"));
        server = server.listen_smtp(listener);
    }
    for address in &arguments.listen_tls {
        let (listener, bound) = bind::<R>(address).await?;
        lines.push(format!("smtps {bound}"));
        server = server.listen_smtps(listener);
    }
    for address in &arguments.listen_lmtp {
        #[cfg(unix)]
        if let Some(path) = address.strip_prefix("unix:") {
            server = server.listen_lmtp(bind_unix::<R>(path)?);
            lines.push(format!("lmtp unix:{path}"));
            continue;
        }
        if address.rsplit_once(':').is_some_and(|(_, port)| port.parse() == Ok(25)) {
            // RFC 2033 section 5.
            return Err(Failure::usage(format!("--listen-lmtp {address}: port 25 is for SMTP")));
        }
        let (listener, bound) = bind::<R>(address).await?;
        lines.push(format!("lmtp {bound}"));
        server = server.listen_lmtp(listener);
    }
    Ok((server, lines, first))
}

async fn bind<R: System>(address: &str) -> Result<(R::TcpListener, SocketAddr), Failure> {
    R::bind(address).await.map_err(|error| cannot_listen(address, &error))
}

/// Binds a Unix socket. One that a server left behind is replaced; anything else at the path stays.
#[cfg(unix)]
fn bind_unix<R: System>(path: &str) -> Result<R::Listener, Failure> {
    let bound = R::bind_unix(path).or_else(|error| {
        if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) {
            std::fs::remove_file(path)?;
            return R::bind_unix(path);
        }
        Err(error)
    });
    bound.map_err(|error| cannot_listen(&format!("unix:{path}"), &error))
}

/// Whether it is a socket that nobody listens on. A connect fails for other reasons too: at a file, a link to
/// nothing, a socket for datagrams, or one that is another user's.
#[cfg(unix)]
fn is_left_behind(path: &str) -> bool {
    use std::os::unix::{fs::FileTypeExt as _, net::UnixStream};

    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn cannot_listen(address: &str, error: &io::Error) -> Failure {
    Failure::new(Code::CannotCreate, format!("cannot listen on {address}: {error}"))
}
