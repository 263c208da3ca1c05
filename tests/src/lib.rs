//! What the tests of the workspace share: transcripts as files ([`dialog`], [`client_dialog`]), the
//! first of them said by our own client ([`own_client`]), and a client and a server joined in memory
//! ([`pair`]) in all combinations ([`case`](mod@case)), the grammar as the RFCs print it ([`oracle`]), and sessions cut everywhere ([`splits`]).

pub mod case;
pub mod client_dialog;
pub mod dialog;
pub mod oracle;
pub mod own_client;
pub mod pair;
pub mod policy;
pub mod random;
pub mod simulation;
pub mod splits;

use bytes::Buf;
use smtp_proto::wire::Wire;

/// Takes at most `most` octets of what waits to be written.
pub fn take_output(wire: &mut Wire, most: usize) -> Vec<u8> {
    let output = wire.output();
    let mut taken = Vec::new();
    while taken.len() < most && output.has_remaining() {
        let chunk = output.chunk();
        let n = chunk.len().min(most - taken.len());
        taken.extend_from_slice(&chunk[..n]);
        output.advance(n);
    }
    taken
}
