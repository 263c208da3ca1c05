//! The pass over content that nearly every octet gets and nothing more.
//!
//! The loops below are written for the compiler's vectoriser: arrays of fixed size, one octet a
//! lane, no way out inside a window. On a plain x86-64 (SSE2) they cost less than one instruction
//! an octet.

pub(super) const CR: u8 = b'\r';
pub(super) const LF: u8 = b'\n';
pub(super) const DOT: u8 = b'.';

/// Octets looked at side by side.
const LANES: usize = 16;
/// Octets between two looks at whether there was trouble: large ones cost little, small ones come
/// close to the trouble. Each has one octet of context on either side.
const LARGE: usize = 1024 + 2;
const MIDDLE: usize = 128 + 2;
const SMALL: usize = LANES + 2;

/// Octets in a window that is taken apart, octet by octet of its marks.
pub(super) const BLOCK: usize = 64;
/// Two octets before it, and one behind.
pub(super) const BLOCK_IN_CONTEXT: usize = BLOCK + 3;

/// Which unusual octets content has had.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unusual {
    pub(super) high: bool,
    pub(super) nul: bool,
}

impl Unusual {
    #[inline]
    pub(super) fn add(&mut self, octet: u8) {
        self.high |= octet >= 0x80;
        self.nul |= octet == 0;
    }

    /// The octets of a block, eight at a time.
    #[inline]
    pub(super) fn add_words<'a>(&mut self, words: impl Iterator<Item = &'a [u8; 8]>) {
        const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
        const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
        let (mut or, mut nul) = (0, 0);
        for word in words {
            let word = u64::from_ne_bytes(*word);
            or |= word;
            // Borrows show in the highest bit of an octet that was 0, and in no other first.
            nul |= word.wrapping_sub(LOW) & !word;
        }
        self.high |= or & HIGH != 0;
        self.nul |= nul & HIGH != 0;
    }

    #[inline]
    pub(super) fn add_tally(&mut self, tally: Tally) {
        self.high |= tally.unusual.high;
        self.nul |= tally.unusual.nul;
    }
}

/// What a window holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tally {
    trouble: bool,
    unusual: Unusual,
}

/// All ones or all zeros: what a vector comparison gives, so that it costs nothing here.
#[inline(always)]
fn mask(condition: bool) -> u8 {
    if condition { 0xff } else { 0 }
}

/// Whether a window has a bare newline or, when asked for, a dot behind an LF.
///
/// The window comes with one octet before it and one behind. Of its own octets it says:
/// none is an LF without a CR before it, none comes behind a CR without being an LF,
/// none is an LF with a dot behind it.
#[inline(always)]
fn tally<const DOTS: bool, const N: usize>(window: &[u8; N]) -> Tally {
    let (mut trouble, mut or, mut min) = ([0u8; LANES], [0u8; LANES], [u8::MAX; LANES]);
    let mut look = |before: &[u8; LANES], these: &[u8; LANES], behind: &[u8; LANES]| {
        let lanes = trouble.iter_mut().zip(&mut or).zip(&mut min);
        let octets = before.iter().zip(these).zip(behind);
        for (((trouble, or), min), ((&before, &this), &behind)) in lanes.zip(octets) {
            let line_feed = mask(this == LF);
            *trouble |= line_feed ^ mask(before == CR);
            if DOTS {
                *trouble |= line_feed & mask(behind == DOT);
            }
            *or |= this;
            *min = (*min).min(this);
        }
    };
    let (before, _) = window.as_chunks::<LANES>();
    let (these, _) = window.get(1..).unwrap_or_default().as_chunks::<LANES>();
    let (behind, _) = window.get(2..).unwrap_or_default().as_chunks::<LANES>();
    // By pairs, so that counting costs half.
    let (before, last_before) = before.as_chunks::<2>();
    let (these, last_these) = these.as_chunks::<2>();
    let (behind, last_behind) = behind.as_chunks::<2>();
    for (([b0, b1], [t0, t1]), [n0, n1]) in before.iter().zip(these).zip(behind) {
        look(b0, t0, n0);
        look(b1, t1, n1);
    }
    for ((before, these), behind) in last_before.iter().zip(last_these).zip(last_behind) {
        look(before, these, behind);
    }
    let high = or.map(|octet| octet & 0x80) != [0; LANES];
    let nul = min.map(|octet| mask(octet == 0)) != [0; LANES];
    Tally { trouble: trouble != [0; LANES], unusual: Unusual { high, nul } }
}

/// How many octets behind the first one, which is context, are free of trouble. A multiple of
/// 16, and never all of them: at least one octet is left.
///
/// Of the octets counted, with the one behind them: every LF has its CR, every CR but one at the
/// very end has its LF, and (with `DOTS`) no LF has a dot behind it.
pub(super) fn untroubled<const DOTS: bool>(octets: &[u8], unusual: &mut Unusual) -> usize {
    let mut count = 0;
    // Small ones first: where there is trouble everywhere, a large one would be looked at for
    // nothing at every call.
    if step::<DOTS, SMALL>(octets, &mut count, unusual) {
        if step::<DOTS, MIDDLE>(octets, &mut count, unusual) {
            while step::<DOTS, LARGE>(octets, &mut count, unusual) {}
            while step::<DOTS, MIDDLE>(octets, &mut count, unusual) {}
        }
        while step::<DOTS, SMALL>(octets, &mut count, unusual) {}
    }
    count
}

/// Looks at the window at `count`. Whether it was there, and without trouble.
#[inline]
fn step<const DOTS: bool, const N: usize>(
    octets: &[u8],
    count: &mut usize,
    unusual: &mut Unusual,
) -> bool {
    let window = octets.get(*count..).and_then(<[u8]>::first_chunk::<N>);
    let tally = window.map(tally::<DOTS, N>);
    match tally {
        Some(tally) if !tally.trouble => {
            unusual.add_tally(tally);
            *count += N - 2;
            true
        }
        _ => false,
    }
}

/// The same question of one block, which has two octets before it and one behind. Gives what
/// octets it has when there is no trouble.
#[inline(always)]
pub(super) fn block_tally(block: &[u8; BLOCK_IN_CONTEXT]) -> Option<Tally> {
    // A dot that is the first octet of the block is behind the octet before it, which is outside
    // the window: it is asked for by itself.
    let [_, before, first, ..] = block;
    if *before == LF && *first == DOT {
        return None;
    }
    let tally = tally::<true, { BLOCK + 2 }>(block.last_chunk()?);
    (!tally.trouble).then_some(tally)
}

/// An octet's mark: a dot right behind CRLF.
pub(super) const MARK_DOT: u64 = u64::from_ne_bytes([0x01; 8]);
/// An octet's mark: a CR without an LF behind it, or an LF without a CR before it.
pub(super) const MARK_BARE: u64 = u64::from_ne_bytes([0x02; 8]);
/// An octet's mark: a dot right behind CRLF, and a CR behind the dot: perhaps the end.
pub(super) const MARK_LONE: u64 = u64::from_ne_bytes([0x04; 8]);

/// Marks every octet of a block; eight marks to a word, the first octet's lowest.
#[inline(always)]
pub(super) fn marks(block: &[u8; BLOCK_IN_CONTEXT]) -> [u64; BLOCK / 8] {
    let mut marks = [0u8; BLOCK];
    let at = |offset: usize| block.get(offset..).unwrap_or_default();
    let octets = at(0).iter().zip(at(1)).zip(at(2)).zip(at(3));
    for (mark, (((&second, &before), &this), &behind)) in marks.iter_mut().zip(octets) {
        let dot = mask(second == CR) & mask(before == LF) & mask(this == DOT);
        let bare =
            (mask(this == LF) & !mask(before == CR)) | (mask(this == CR) & !mask(behind == LF));
        let lone = dot & mask(behind == CR);
        *mark = (dot & 0x01) | (bare & 0x02) | (lone & 0x04);
    }
    let mut words = [0u64; BLOCK / 8];
    let (eights, _) = marks.as_chunks::<8>();
    for (word, eight) in words.iter_mut().zip(eights) {
        *word = u64::from_le_bytes(*eight);
    }
    words
}
