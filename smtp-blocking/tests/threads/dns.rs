//! Name servers that are asked on threads.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use smtp_blocking::{
    Blocking,
    dns::{
        HostName, MxAnswer, NoSubmission, OverTcp, Resolve,
        hickory_resolver::{
            ConnectionProvider, Resolver,
            config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
        },
        submission_servers,
    },
};

use crate::help::MOMENT;

/// Asks this name server once, and waits for that time.
fn resolver(server: SocketAddr, time: Duration) -> Resolver<impl ConnectionProvider> {
    let mut name_server = NameServerConfig::tcp(server.ip());
    for connection in &mut name_server.connections {
        connection.port = server.port();
    }
    let config = ResolverConfig::from_name_servers(vec![name_server]);
    let mut options = ResolverOpts::default();
    (options.timeout, options.attempts) = (time, 0);
    options.use_hosts_file = ResolveHosts::Never;
    OverTcp::<Blocking>::resolver(config, options).unwrap()
}

fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

/// And the thread for the connection ends with the resolver.
#[test]
fn a_name_server_that_is_silent_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dns = resolver(listener.local_addr().unwrap(), MOMENT);
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut query = Vec::new();
        stream.read_to_end(&mut query).unwrap();
        query.windows(7).filter(|octets| octets == b"example").count()
    });
    assert_eq!(Blocking::block_on(dns.mx(&name("example.org"))), MxAnswer::Failed);
    drop(dns);
    assert!(asked.join().unwrap() >= 1);
}

#[test]
fn a_name_server_that_is_not_there_knows_nothing() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dns = resolver(address, MOMENT);
    let servers = submission_servers(&name("example.org"), &dns);
    assert_eq!(servers, Err(NoSubmission::DnsFailed));
}

/// A question with its length in front (RFC 1035 section 4.2.2), as the answer that there is no such name.
fn no_such_name(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut octets).unwrap();
    octets[2..4].copy_from_slice(&[0x81, 0x83]);
    [&length[..], &octets].concat()
}

/// One is asked while another has no answer yet, on the same connection.
#[test]
fn questions_do_not_wait_for_each_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dns = resolver(listener.local_addr().unwrap(), Duration::from_secs(10));
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for at_a_time in [1, 3] {
            let answers: Vec<_> = (0..at_a_time).map(|_| no_such_name(&mut stream)).collect();
            answers.iter().for_each(|answer| stream.write_all(answer).unwrap());
        }
    });
    let ask = |host: &str| {
        let answer = Blocking::block_on(dns.mx(&name(host)));
        assert_eq!(answer, MxAnswer::NoDomain, "{host}");
    };
    ask("a.example");
    thread::scope(|scope| {
        for host in ["b.example", "c.example", "d.example"] {
            scope.spawn(move || ask(host));
        }
    });
    serving.join().unwrap();
}
