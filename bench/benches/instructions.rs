//! Instructions, counted under callgrind: repeatable to the last one. `cargo bench --bench instructions`.

use std::hint::black_box;

use bytes::Bytes;
use gungraun::{library_benchmark, library_benchmark_group, main};
use smtp_bench::{
    content,
    corpus::{self, Kind},
    hostile, language, limits,
    machine::{ClientSession, ServerSession, Way},
    peers::{self, MailinSession},
};

/// Transactions of one measurement.
const TRANSACTIONS: usize = 100;

fn text(lines: &'static [&'static [u8]]) -> Vec<&'static str> {
    let lines: Vec<_> = lines.iter().filter_map(|line| std::str::from_utf8(line).ok()).collect();
    peers::mailrs_commands(&lines);
    lines
}

fn wire(kind: Kind) -> (Vec<u8>, Vec<u8>) {
    let wire = corpus::stuffed(&corpus::content(kind));
    let kept = Vec::with_capacity(wire.len());
    (wire, kept)
}

/// What is made at its first use (tables, choices of instructions) is not a part of the work.
fn warm<T: Copy, R>(work: fn(T) -> R, of: T) -> (fn(T) -> R, T) {
    black_box(work(of));
    (work, of)
}

#[library_benchmark(setup = warm)]
#[bench::limit_everyday(limits::line_ends, &corpus::EVERYDAY[..])]
#[bench::ours_everyday(language::commands, &corpus::EVERYDAY[..])]
#[bench::stalwart_everyday(peers::stalwart_commands, &corpus::EVERYDAY[..])]
#[bench::codec_everyday(peers::codec_commands, &corpus::EVERYDAY[..])]
#[bench::message_everyday(peers::message_commands, &corpus::EVERYDAY[..])]
#[bench::limit_all(limits::line_ends, &corpus::ALL[..])]
#[bench::ours_all(language::commands, &corpus::ALL[..])]
#[bench::stalwart_all(peers::stalwart_commands, &corpus::ALL[..])]
#[bench::codec_all(peers::codec_commands, &corpus::ALL[..])]
#[bench::message_all(peers::message_commands, &corpus::ALL[..])]
fn commands(
    (parse, lines): (fn(&'static [&'static [u8]]) -> usize, &'static [&'static [u8]]),
) -> usize {
    black_box(parse(black_box(lines)))
}

#[library_benchmark]
#[bench::mailrs_everyday(args = (&corpus::EVERYDAY), setup = text)]
#[bench::mailrs_all(args = (&corpus::ALL), setup = text)]
fn commands_of_text(lines: Vec<&'static str>) -> usize {
    black_box(peers::mailrs_commands(&lines))
}

#[library_benchmark(setup = warm)]
#[bench::ours(language::reply, corpus::REPLY)]
#[bench::stalwart(peers::stalwart_reply, corpus::REPLY)]
#[bench::message(peers::message_reply, corpus::REPLY)]
#[bench::io(peers::io_reply, corpus::REPLY)]
fn reply((parse, octets): (fn(&'static [u8]) -> u16, &'static [u8])) -> u16 {
    black_box(parse(black_box(octets)))
}

#[library_benchmark(setup = warm)]
#[bench::ours(language::ehlo, corpus::EHLO_REPLY)]
#[bench::stalwart(peers::stalwart_ehlo, corpus::EHLO_REPLY)]
#[bench::io(peers::io_ehlo, corpus::EHLO_REPLY)]
fn ehlo((parse, octets): (fn(&'static [u8]) -> usize, &'static [u8])) -> usize {
    black_box(parse(black_box(octets)))
}

#[library_benchmark]
#[benches::text(args = [(Kind::Text), (Kind::Base64), (Kind::Dots), (Kind::Long)], setup = wire)]
fn content_in((mut wire, _): (Vec<u8>, Vec<u8>)) -> usize {
    black_box(content::decode(&mut wire))
}

#[library_benchmark]
#[benches::text(args = [(Kind::Text), (Kind::Base64), (Kind::Dots), (Kind::Long)], setup = wire)]
fn content_in_kept((mut wire, mut kept): (Vec<u8>, Vec<u8>)) -> usize {
    black_box(content::decode_kept(&mut wire, &mut kept))
}

#[library_benchmark]
#[benches::text(args = [(Kind::Text), (Kind::Dots)], setup = wire)]
fn content_in_stalwart((wire, _): (Vec<u8>, Vec<u8>)) -> usize {
    black_box(peers::stalwart_decode(&wire))
}

#[library_benchmark]
#[benches::text(args = [(Kind::Text), (Kind::Dots)], setup = wire)]
fn content_in_kept_stalwart((wire, mut kept): (Vec<u8>, Vec<u8>)) -> usize {
    black_box(peers::stalwart_decode_kept(&wire, &mut kept))
}

#[library_benchmark]
#[benches::text(args = [(Kind::Text), (Kind::Dots)], setup = wire)]
fn content_in_memmem((wire, _): (Vec<u8>, Vec<u8>)) -> usize {
    black_box(limits::memmem(&wire))
}

fn body(kind: Kind) -> Bytes {
    Bytes::from(corpus::content(kind))
}

#[library_benchmark]
#[benches::text(args = [(Kind::Text), (Kind::Base64), (Kind::Dots), (Kind::Long)], setup = body)]
fn content_out(body: Bytes) -> usize {
    black_box(content::encode(&body))
}

#[library_benchmark]
#[bench::ours(setup = ServerSession::default)]
fn server(mut session: ServerSession) -> usize {
    black_box(session.transactions(TRANSACTIONS))
}

#[library_benchmark]
#[bench::mailin(setup = MailinSession::default)]
fn server_mailin(mut session: MailinSession) -> usize {
    black_box(session.transactions(TRANSACTIONS))
}

#[library_benchmark]
#[bench::ours_data(args = (Way::Data), setup = ClientSession::new)]
#[bench::ours_bdat(args = (Way::Bdat), setup = ClientSession::new)]
#[bench::ours_bdat_ahead(args = (Way::BdatAhead), setup = ClientSession::new)]
fn client(mut session: ClientSession) -> usize {
    black_box(session.transactions(TRANSACTIONS))
}

#[library_benchmark]
#[bench::io(peers::io_client)]
fn client_io(run: fn(usize) -> usize) -> usize {
    black_box(run(black_box(TRANSACTIONS)))
}

fn once(shape: usize) -> hostile::Input {
    hostile::Input::new(shape, 1)
}

fn twice(shape: usize) -> hostile::Input {
    hostile::Input::new(shape, 2)
}

#[library_benchmark]
#[benches::once(iter = 0..hostile::shapes().count(), setup = once)]
#[benches::twice(iter = 0..hostile::shapes().count(), setup = twice)]
fn effort(input: hostile::Input) -> usize {
    black_box(input.take())
}

library_benchmark_group!(
    name = all,
    benchmarks = [
        commands,
        commands_of_text,
        reply,
        ehlo,
        content_in,
        content_in_kept,
        content_in_stalwart,
        content_in_kept_stalwart,
        content_in_memmem,
        content_out,
        server,
        server_mailin,
        client,
        client_io,
        effort
    ]
);
main!(library_benchmark_groups = all);
