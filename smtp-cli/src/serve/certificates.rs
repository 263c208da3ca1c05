//! Certificates from files, and from files that have changed.

use std::{path::PathBuf, sync::Arc};

use rustls::ServerConfig;
use smtp_frontend::tls::CurrentCertificates;

use crate::{
    args,
    exit::{Code, Failure},
    notice::notice,
    signal, trust,
};

/// A server with the certificates of the options, which are read anew at SIGHUP; none if none is named.
pub(super) fn of(arguments: &args::Serve) -> Result<Option<Arc<ServerConfig>>, Failure> {
    let (certs, keys) = (&arguments.tls_cert, &arguments.tls_key);
    if certs.len() != keys.len() {
        return Err(Failure::usage("each --tls-cert needs its --tls-key"));
    }
    if certs.is_empty() {
        return Ok(None);
    }
    let files: Vec<(PathBuf, PathBuf)> = certs.iter().cloned().zip(keys.iter().cloned()).collect();
    let current = CurrentCertificates::new(trust::server(&files)?);
    let config = current.server_config().map_err(|error| Failure::new(Code::Unavailable, error))?;
    signal::at_hangup(move || match trust::server(&files) {
        Ok(certificates) => {
            current.replace(certificates);
            notice(format_args!("smtp: certificates read anew"));
        }
        // Better old ones than none.
        Err(failure) => notice(format_args!("smtp: certificates stay as they are: {failure}")),
    })?;
    Ok(Some(config))
}
