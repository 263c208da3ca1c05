//! Version 1: one line of text (section 2.1; G-60).

use core::fmt::{self, Write as _};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::BufMut;

use super::{Header, MAX_V1, ProxyError, Stop};

/// A line as far as it has come. Every step takes what must stand next, or says why it cannot:
/// the same steps read a whole line and judge an unfinished one.
struct Line<'a> {
    octets: &'a [u8],
    at: usize,
}

const MALFORMED: Stop = Stop::Bad(ProxyError::Line);

/// ```text
/// header  = "PROXY" SP ( inet / "UNKNOWN" *anything ) CRLF
/// inet    = "TCP4" SP ipv4 SP ipv4 SP port SP port
///         / "TCP6" SP ipv6 SP ipv6 SP port SP port
/// ```
///
/// `anything` is any octet but CR and LF, which end a line only together.
pub(super) fn parse<'a>(octets: &[u8]) -> Result<(Header<'a>, usize), Stop> {
    let mut line = Line { octets, at: 0 };
    for &octet in b"PROXY " {
        if line.next()? != octet {
            return Err(Stop::Bad(ProxyError::Signature));
        }
    }
    let header = if line.peek()? == b'U' {
        line.literal(b"UNKNOWN")?;
        line.anything()?;
        Header::UNKNOWN
    } else {
        line.literal(b"TCP")?;
        let family = line.next()?;
        match family {
            b'4' => line.inet(Line::ipv4)?,
            b'6' => line.inet(Line::ipv6)?,
            _ => return Err(MALFORMED),
        }
    };
    line.literal(b"\r\n")?;
    Ok((header, line.at))
}

impl Line<'_> {
    fn peek(&self) -> Result<u8, Stop> {
        self.octets.get(self.at).copied().ok_or(Stop::More)
    }

    fn next(&mut self) -> Result<u8, Stop> {
        let octet = self.peek()?;
        self.at += 1;
        Ok(octet)
    }

    fn literal(&mut self, text: &[u8]) -> Result<(), Stop> {
        for &octet in text {
            if self.next()? != octet {
                return Err(MALFORMED);
            }
        }
        Ok(())
    }

    /// What may follow UNKNOWN, up to where CRLF still fits within the longest line.
    fn anything(&mut self) -> Result<(), Stop> {
        loop {
            match self.peek()? {
                b'\r' => return Ok(()),
                b'\n' => return Err(MALFORMED),
                _ if self.at + 2 >= MAX_V1 => return Err(Stop::Bad(ProxyError::TooLong)),
                _ => self.at += 1,
            }
        }
    }

    /// `SP address SP address SP port SP port`
    fn inet<'a, A: Into<IpAddr>>(
        &mut self,
        address: fn(&mut Self) -> Result<A, Stop>,
    ) -> Result<Header<'a>, Stop> {
        self.literal(b" ")?;
        let source = address(self)?;
        self.literal(b" ")?;
        let destination = address(self)?;
        self.literal(b" ")?;
        let source_port = self.number()?;
        self.literal(b" ")?;
        let destination_port = self.number()?;
        Ok(Header::new(
            SocketAddr::new(source.into(), source_port),
            SocketAddr::new(destination.into(), destination_port),
        ))
    }

    /// `ipv4 = number 3( "." number )`, numbers 0 to 255.
    fn ipv4(&mut self) -> Result<Ipv4Addr, Stop> {
        let mut octets = [0; 4];
        for (place, octet) in octets.iter_mut().enumerate() {
            if place > 0 {
                self.literal(b".")?;
            }
            *octet = self.number()?;
        }
        Ok(octets.into())
    }

    /// Decimal digits without leading zeros, as much as `T` can hold.
    fn number<T: TryFrom<u32>>(&mut self) -> Result<T, Stop> {
        let mut value = self.digit(10)?;
        while value > 0
            && let Some(digit) = char::from(self.peek()?).to_digit(10)
        {
            value = value * 10 + digit;
            if T::try_from(value).is_err() {
                return Err(MALFORMED);
            }
            self.at += 1;
        }
        T::try_from(value).map_err(|_| MALFORMED)
    }

    fn digit(&mut self, radix: u32) -> Result<u32, Stop> {
        char::from(self.next()?).to_digit(radix).ok_or(MALFORMED)
    }

    /// Groups with a colon between, eight of them, or fewer with one `::` in place of those that
    /// are zero. The last two may be dotted IPv4 behind a leading `::` or `::ffff:`, since that is
    /// how systems spell such addresses. A blank must follow.
    fn ipv6(&mut self) -> Result<Ipv6Addr, Stop> {
        let mut groups = [0; 8];
        let mut count = 0;
        let mut gap = None;
        if self.peek()? == b':' {
            self.literal(b"::")?;
            gap = Some(0);
        }
        while gap != Some(count) || self.peek()? != b' ' {
            let most = if gap.is_some() { 7 } else { 8 };
            if count == most {
                return Err(MALFORMED);
            }
            let start = self.at;
            let group = self.group()?;
            let mapped = matches!((gap, count, groups), (Some(0), 1, [0xFFFF, ..]));
            if (mapped || (gap, count) == (Some(0), 0)) && self.peek()? == b'.' {
                self.at = start;
                let [a, b, c, d] = self.ipv4()?.octets();
                push(&mut groups, &mut count, u16::from_be_bytes([a, b]))?;
                push(&mut groups, &mut count, u16::from_be_bytes([c, d]))?;
                break;
            }
            push(&mut groups, &mut count, group)?;
            match self.peek()? {
                b' ' => break,
                b':' if count < most => self.at += 1,
                _ => return Err(MALFORMED),
            }
            if self.peek()? == b':' {
                if gap.replace(count).is_some() {
                    return Err(MALFORMED);
                }
                self.at += 1;
            }
        }
        let missing = groups.len() - count;
        match gap.and_then(|gap| groups.get_mut(gap..)) {
            Some(behind) => behind.rotate_right(missing),
            None if missing > 0 => return Err(MALFORMED),
            None => {}
        }
        Ok(groups.into())
    }

    /// `group = 1*4HEXDIG`
    fn group(&mut self) -> Result<u16, Stop> {
        let mut value = self.digit(16)?;
        for _ in 1..4 {
            let Some(digit) = char::from(self.peek()?).to_digit(16) else {
                break;
            };
            value = value << 4 | digit;
            self.at += 1;
        }
        u16::try_from(value).map_err(|_| MALFORMED)
    }
}

fn push(groups: &mut [u16; 8], count: &mut usize, group: u16) -> Result<(), Stop> {
    *groups.get_mut(*count).ok_or(MALFORMED)? = group;
    *count += 1;
    Ok(())
}

/// Appends the header; TLVs have no place in it.
pub(super) fn write(header: &Header<'_>, out: &mut impl BufMut) {
    let (Some(source), Some(destination)) = (header.source(), header.destination()) else {
        out.put_slice(b"PROXY UNKNOWN\r\n");
        return;
    };
    let family = if source.is_ipv4() { '4' } else { '6' };
    // A buffer takes what it is given, so there is no error to hand on.
    let _ = write!(
        Text(out),
        "PROXY TCP{family} {} {} {} {}\r\n",
        Spelled(source.ip()),
        Spelled(destination.ip()),
        source.port(),
        destination.port()
    );
}

/// An address in hexadecimal groups throughout where it is IPv6: section 2.1 knows no dotted ones.
struct Spelled(IpAddr);

impl fmt::Display for Spelled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let IpAddr::V6(address) = self.0
            && address.to_ipv4_mapped().is_some()
        {
            let [.., high, low] = address.segments();
            return write!(formatter, "::ffff:{high:x}:{low:x}");
        }
        self.0.fmt(formatter)
    }
}

/// A buffer as a place for formatted text.
struct Text<'o, B>(&'o mut B);

impl<B: BufMut> fmt::Write for Text<'_, B> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put_slice(text.as_bytes());
        Ok(())
    }
}
