//! Time and allocations. Seconds drift from run to run: only figures of one run are to be compared.
//! `cargo bench --bench time`.

use bytes::Bytes;
use divan::{AllocProfiler, Bencher, black_box, counter::BytesCount, counter::ItemsCount};
use smtp_bench::{
    content,
    corpus::{self, CONTENT, Kind},
    language, limits,
    machine::{ClientSession, ServerSession, Way},
    peers::{self, MailinSession},
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// Transactions of one measurement; time and allocations are of all of them.
const TRANSACTIONS: usize = 100;

const KINDS: [Kind; 4] = [Kind::Text, Kind::Base64, Kind::Dots, Kind::Long];

fn main() {
    divan::main();
}

/// One function of the same shape for each who does the work.
macro_rules! each {
    ($bencher:expr, $count:expr, $($work:tt)*) => {
        $bencher.counter($count).bench(|| black_box($($work)*))
    };
}

/// The commands of an everyday session.
mod commands_everyday {
    use super::*;

    #[divan::bench]
    fn a_limit(bencher: Bencher<'_, '_>) {
        each!(bencher, ItemsCount::new(8usize), limits::line_ends(black_box(&corpus::EVERYDAY)));
    }
    #[divan::bench]
    fn b_ours(bencher: Bencher<'_, '_>) {
        each!(bencher, ItemsCount::new(8usize), language::commands(black_box(&corpus::EVERYDAY)));
    }
    #[divan::bench]
    fn c_stalwart(bencher: Bencher<'_, '_>) {
        each!(
            bencher,
            ItemsCount::new(8usize),
            peers::stalwart_commands(black_box(&corpus::EVERYDAY))
        );
    }
    #[divan::bench]
    fn d_codec(bencher: Bencher<'_, '_>) {
        each!(
            bencher,
            ItemsCount::new(8usize),
            peers::codec_commands(black_box(&corpus::EVERYDAY))
        );
    }
}

/// Commands of every kind.
mod commands_all {
    use super::*;

    #[divan::bench]
    fn a_limit(bencher: Bencher<'_, '_>) {
        each!(bencher, ItemsCount::new(30usize), limits::line_ends(black_box(&corpus::ALL)));
    }
    #[divan::bench]
    fn b_ours(bencher: Bencher<'_, '_>) {
        each!(bencher, ItemsCount::new(30usize), language::commands(black_box(&corpus::ALL)));
    }
    #[divan::bench]
    fn c_stalwart(bencher: Bencher<'_, '_>) {
        each!(bencher, ItemsCount::new(30usize), peers::stalwart_commands(black_box(&corpus::ALL)));
    }
    #[divan::bench]
    fn d_codec(bencher: Bencher<'_, '_>) {
        each!(bencher, ItemsCount::new(30usize), peers::codec_commands(black_box(&corpus::ALL)));
    }
}

/// A reply of one line.
mod reply {
    use super::*;

    #[divan::bench]
    fn a_ours() -> u16 {
        language::reply(black_box(corpus::REPLY))
    }
    #[divan::bench]
    fn b_stalwart() -> u16 {
        peers::stalwart_reply(black_box(corpus::REPLY))
    }
    #[divan::bench]
    fn c_io() -> u16 {
        peers::io_reply(black_box(corpus::REPLY))
    }
}

/// An EHLO response of twelve lines.
mod ehlo {
    use super::*;

    #[divan::bench]
    fn a_ours() -> usize {
        language::ehlo(black_box(corpus::EHLO_REPLY))
    }
    #[divan::bench]
    fn b_stalwart() -> usize {
        peers::stalwart_ehlo(black_box(corpus::EHLO_REPLY))
    }
    #[divan::bench]
    fn c_io() -> usize {
        peers::io_ehlo(black_box(corpus::EHLO_REPLY))
    }
}

/// 1 MiB of content in, dots removed, 16 KiB at a time.
mod content_in {
    use super::*;

    #[divan::bench(args = KINDS)]
    fn a_limit_memmem(bencher: Bencher<'_, '_>, kind: Kind) {
        let wire = corpus::stuffed(&corpus::content(kind));
        each!(bencher, BytesCount::new(CONTENT), limits::memmem(&wire));
    }
    #[divan::bench(args = KINDS)]
    fn b_ours(bencher: Bencher<'_, '_>, kind: Kind) {
        let wire = corpus::stuffed(&corpus::content(kind));
        bencher
            .counter(BytesCount::new(CONTENT))
            .with_inputs(|| wire.clone())
            .bench_refs(|wire| content::decode(wire));
    }
    #[divan::bench(args = KINDS)]
    fn c_stalwart(bencher: Bencher<'_, '_>, kind: Kind) {
        let wire = corpus::stuffed(&corpus::content(kind));
        each!(bencher, BytesCount::new(CONTENT), peers::stalwart_decode(&wire));
    }
    #[divan::bench(args = KINDS)]
    fn d_message(bencher: Bencher<'_, '_>, kind: Kind) {
        let wire = corpus::stuffed(&corpus::content(kind));
        bencher
            .counter(BytesCount::new(CONTENT))
            .with_inputs(|| wire.clone())
            .bench_refs(|wire| peers::message_decode(wire));
    }
}

/// The same, kept.
mod content_in_kept {
    use super::*;

    #[divan::bench]
    fn a_limit_memcpy(bencher: Bencher<'_, '_>) {
        let wire = corpus::stuffed(&corpus::content(Kind::Text));
        let mut copy = vec![0; wire.len()];
        let octets = BytesCount::new(CONTENT);
        bencher.counter(octets).bench_local(|| limits::memcpy(&wire, &mut copy));
    }
    #[divan::bench(args = KINDS)]
    fn b_ours(bencher: Bencher<'_, '_>, kind: Kind) {
        let wire = corpus::stuffed(&corpus::content(kind));
        bencher
            .counter(BytesCount::new(CONTENT))
            .with_inputs(|| (wire.clone(), Vec::with_capacity(wire.len())))
            .bench_refs(|(wire, kept)| content::decode_kept(wire, kept));
    }
    #[divan::bench(args = KINDS)]
    fn c_stalwart(bencher: Bencher<'_, '_>, kind: Kind) {
        let wire = corpus::stuffed(&corpus::content(kind));
        bencher
            .counter(BytesCount::new(CONTENT))
            .with_inputs(|| Vec::with_capacity(wire.len()))
            .bench_refs(|kept| peers::stalwart_decode_kept(&wire, kept));
    }
    #[divan::bench(args = KINDS)]
    fn d_mailrs(bencher: Bencher<'_, '_>, kind: Kind) {
        let wire = corpus::stuffed(&corpus::content(kind));
        each!(bencher, BytesCount::new(CONTENT), peers::mailrs_decode_kept(&wire));
    }
}

/// 1 MiB of content out, dots added, line ends checked.
#[divan::bench(args = KINDS)]
fn content_out(bencher: Bencher<'_, '_>, kind: Kind) {
    let body = Bytes::from(corpus::content(kind));
    each!(bencher, BytesCount::new(CONTENT), content::encode(&body));
}

/// A hundred transactions of 1 KiB.
mod transactions {
    use super::*;

    #[divan::bench]
    fn a_server_ours(bencher: Bencher<'_, '_>) {
        let mut session = ServerSession::default();
        let count = ItemsCount::new(TRANSACTIONS);
        bencher.counter(count).bench_local(|| session.transactions(TRANSACTIONS));
    }
    #[divan::bench]
    fn b_server_mailin(bencher: Bencher<'_, '_>) {
        let mut session = MailinSession::default();
        let count = ItemsCount::new(TRANSACTIONS);
        bencher.counter(count).bench_local(|| session.transactions(TRANSACTIONS));
    }
    #[divan::bench]
    fn c_client_ours_data(bencher: Bencher<'_, '_>) {
        let mut session = ClientSession::new(Way::Data);
        let count = ItemsCount::new(TRANSACTIONS);
        bencher.counter(count).bench_local(|| session.transactions(TRANSACTIONS));
    }
    #[divan::bench]
    fn d_client_ours_bdat(bencher: Bencher<'_, '_>) {
        let mut session = ClientSession::new(Way::Bdat);
        let count = ItemsCount::new(TRANSACTIONS);
        bencher.counter(count).bench_local(|| session.transactions(TRANSACTIONS));
    }
    #[divan::bench]
    fn e_client_ours_bdat_ahead(bencher: Bencher<'_, '_>) {
        let mut session = ClientSession::new(Way::BdatAhead);
        let count = ItemsCount::new(TRANSACTIONS);
        bencher.counter(count).bench_local(|| session.transactions(TRANSACTIONS));
    }
    #[divan::bench]
    fn f_client_io(bencher: Bencher<'_, '_>) {
        each!(bencher, ItemsCount::new(TRANSACTIONS), peers::io_client(TRANSACTIONS));
    }
}
