//! A name server on the loopback interface, for tests. It needs no runtime, and ends with the test.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::Arc,
    thread,
};

/// What is known of a name: its type, and the data as in a zone file.
struct Record {
    name: String,
    kind: String,
    data: String,
}

const TYPES: [(&str, u16); 6] =
    [("A", 1), ("CNAME", 5), ("MX", 15), ("AAAA", 28), ("SRV", 33), ("SERVFAIL", 0)];

/// Answers by the lines of a zone, `NAME TYPE DATA`, over UDP and TCP at one port. Names that are not there
/// do not exist; one with `SERVFAIL` in place of a type cannot be found out.
pub(crate) fn name_server(zone: &str) -> SocketAddr {
    let record = |line: &str| {
        let mut words = line.splitn(3, ' ').map(|word| word.trim().to_owned());
        let (name, kind) = (words.next().unwrap(), words.next().unwrap());
        assert!(TYPES.iter().any(|(known, _)| *known == kind), "{line}");
        Record { name, kind, data: words.next().unwrap_or_default() }
    };
    let lines = zone.lines().map(str::trim).filter(|line| !line.is_empty());
    let zone: Arc<[Record]> = lines.map(record).collect();
    let (udp, tcp) = sockets();
    let address = udp.local_addr().unwrap();
    let records = Arc::clone(&zone);
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, peer)) = udp.recv_from(&mut query) {
            // Who does not wait for it any more asks again.
            let _ = udp.send_to(&answer(&records, &query[..length]), peer);
        }
    });
    thread::spawn(move || {
        for stream in tcp.incoming().flatten() {
            let zone = Arc::clone(&zone);
            thread::spawn(move || serve(&zone, stream));
        }
    });
    address
}

/// Both at the same port.
fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
}

/// Queries with their lengths in front (RFC 1035 section 4.2.2).
fn serve(zone: &[Record], mut stream: TcpStream) -> io::Result<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query)?;
        let answer = answer(zone, &query);
        let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], &answer].concat())?;
    }
}

/// RFC 1035 section 4.1.
fn answer(zone: &[Record], query: &[u8]) -> Vec<u8> {
    let (mut name, question_end) = question(query);
    let kind = u16::from_be_bytes([query[question_end - 4], query[question_end - 3]]);
    let mut answers = Vec::new();
    let rcode = loop {
        let mut known =
            zone.iter().filter(|record| record.name.eq_ignore_ascii_case(&name)).peekable();
        if known.peek().is_none() {
            break 3;
        }
        if known.peek().is_some_and(|record| record.kind == "SERVFAIL") {
            break 2;
        }
        let mut alias = None;
        for record in known {
            let number = TYPES.iter().find(|(known, _)| *known == record.kind).unwrap().1;
            if number == kind || record.kind == "CNAME" {
                answers.push((name.clone(), number, data(record)));
            }
            alias = (record.kind == "CNAME" && kind != 5).then(|| record.data.clone()).or(alias);
        }
        match alias {
            Some(alias) => name = alias,
            None => break 0,
        }
    };
    let count = u16::try_from(answers.len()).unwrap().to_be_bytes();
    // A response, recursion desired and available; one question.
    let mut octets =
        vec![query[0], query[1], 0x81, 0x80 | rcode, 0, 1, count[0], count[1], 0, 0, 0, 0];
    octets.extend_from_slice(&query[12..question_end]);
    for (name, kind, data) in answers {
        octets.extend(labels(&name));
        octets.extend(kind.to_be_bytes());
        // Class IN, for a minute.
        octets.extend([0, 1, 0, 0, 0, 60]);
        octets.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        octets.extend(data);
    }
    octets
}

/// The name that is asked for, and where the question ends.
fn question(query: &[u8]) -> (String, usize) {
    let mut name = String::new();
    let mut at = 12;
    while query[at] > 0 {
        let end = at + 1 + usize::from(query[at]);
        name.push_str(std::str::from_utf8(&query[at + 1..end]).unwrap());
        name.push('.');
        at = end;
    }
    (name, at + 5)
}

fn data(record: &Record) -> Vec<u8> {
    let mut words: Vec<&str> = record.data.split(' ').collect();
    match record.kind.as_str() {
        "A" => record.data.parse::<Ipv4Addr>().unwrap().octets().to_vec(),
        "AAAA" => record.data.parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec(),
        _ => {
            let name = labels(words.pop().unwrap());
            let numbers = words.iter().flat_map(|word| word.parse::<u16>().unwrap().to_be_bytes());
            numbers.chain(name).collect()
        }
    }
}

fn labels(name: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        octets.push(u8::try_from(label.len()).unwrap());
        octets.extend(label.as_bytes());
    }
    octets.push(0);
    octets
}
