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

    /// Groups of 1 to 4 hexadecimal digits with a colon between, eight of them, or fewer with one
    /// `::` in place of the rest. The last two may be dotted IPv4 behind a leading `::` or
    /// `::ffff:`, since that is how systems spell such addresses; the blank behind it ends it.
    fn ipv6(&mut self) -> Result<Ipv6Addr, Stop> {
        let mut groups = [0_u16; 8];
        let mut count = 0;
        let mut gap = None;
        if self.peek()? == b':' {
            self.literal(b"::")?;
            gap = Some(0);
        }
        loop {
            if gap == Some(count) && self.peek()? == b' ' {
                break;
            }
            let start = self.at;
            let group = self.group()?;
            let dotted = gap == Some(0) && matches!((count, groups), (0, _) | (1, [0xFFFF, ..]));
            if dotted && self.peek()? == b'.' {
                self.at = start;
                let [a, b, c, d] = self.ipv4()?.octets();
                for pair in [[a, b], [c, d]] {
                    put(&mut groups, &mut count, u16::from_be_bytes(pair))?;
                }
                break;
            }
            put(&mut groups, &mut count, group)?;
            let full = count + usize::from(gap.is_some()) == groups.len();
            match self.peek()? {
                b' ' => break,
                b':' if !full || (gap.is_none() && count < groups.len()) => self.at += 1,
                _ => return Err(MALFORMED),
            }
            if self.peek()? == b':' {
                if gap.is_some() {
                    return Err(MALFORMED);
                }
                self.at += 1;
                gap = Some(count);
            }
        }
        match gap {
            Some(gap) => {
                if let Some(behind) = groups.get_mut(gap..) {
                    behind.rotate_right(groups_left(count));
                }
            }
            None if count == groups.len() => {}
            None => return Err(MALFORMED),
        }
        Ok(groups.into())
    }
}
