//! The pass over content that nearly every octet gets and nothing more.
//!
//! The loops below are written for the compiler's vectoriser: arrays of fixed size, one octet a
//! lane, no way out inside a window. On a plain x86-64 (SSE2) they cost less than one instruction
//! an octet, with AVX2 a third of one.

pub(super) const CR: u8 = b'\r';
pub(super) const LF: u8 = b'\n';
pub(super) const DOT: u8 = b'.';

/// Octets looked at side by side.
const LANES: usize = 32;
/// Octets between two looks at whether there was trouble: large ones cost less, small ones come close
/// to the trouble. Each has one octet of context on either side.
const LARGE: usize = 8 * LANES + 2;
const MIDDLE: usize = 2 * LANES + 2;
const SMALL: usize = LANES + 2;

/// Octets in a window that is taken apart, octet by octet of its marks.
pub(super) const BLOCK: usize = 64;
/// Two octets before it, and one behind.
pub(super) const BLOCK_IN_CONTEXT: usize = BLOCK + 3;

/// Which unusual octets content has had.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unusual {
    pub(crate) high: bool,
    pub(super) nul: bool,
}

impl Unusual {
    #[inline]
    pub(super) fn add(&mut self, octet: u8) {
        self.high |= octet >= 0x80;
        self.nul |= octet == 0;
    }

    /// The octets of a block, eight at a time.
    #[inline(always)]
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

    /// Many octets.
    #[inline(always)]
    pub(super) fn add_all(&mut self, octets: &[u8]) {
        let (or, least) =
            octets.iter().fold((0, u8::MAX), |(or, least), &octet| (or | octet, octet.min(least)));
        self.high |= or >= 0x80;
        self.nul |= least == 0;
    }
}

/// All ones or all zeros: what a vector comparison gives, so that it costs nothing here.
#[inline(always)]
fn mask(condition: bool) -> u8 {
    if condition { 0xff } else { 0 }
}

/// Trouble, a mask for each lane: an LF without a CR before it, another octet than LF behind a CR, or
/// (with `DOTS`) an LF with a dot behind it.
type Trouble = [u8; LANES];

/// The least octets of each lane, with a sign: 0 and what is above 127 are the least.
type Least = [i8; LANES];

const NONE: Trouble = [0; LANES];
const USUAL: Least = [i8::MAX; LANES];

/// Looks at a window, which comes with one octet before it and one behind.
#[inline(always)]
fn look<const DOTS: bool, const N: usize>(window: &[u8; N], mut least: Least) -> (Trouble, Least) {
    let mut trouble = NONE;
    let (before, _) = window.as_chunks::<LANES>();
    let (these, _) = window.get(1..).unwrap_or_default().as_chunks::<LANES>();
    let (behind, _) = window.get(2..).unwrap_or_default().as_chunks::<LANES>();
    for ((before, these), behind) in before.iter().zip(these).zip(behind) {
        let octets = before.iter().zip(these).zip(behind);
        for ((trouble, least), ((&before, &this), &behind)) in
            trouble.iter_mut().zip(&mut least).zip(octets)
        {
            let line_feed = mask(this == LF);
            *trouble |= line_feed ^ mask(before == CR);
            if DOTS {
                *trouble |= line_feed & mask(behind == DOT);
            }
            *least = (*least).min(this.cast_signed());
        }
    }
    (trouble, least)
}

#[inline(always)]
fn is_any(trouble: &Trouble) -> bool {
    trouble.iter().fold(0, |any, lane| any | lane) != 0
}

/// Whether there was an octet that is 0 or above 127.
#[inline(always)]
fn any_unusual(least: &Least) -> bool {
    least.iter().fold(0, |any, &least| any | mask(least <= 0)) != 0
}

/// How many lanes are in front of the first trouble; all, if there is none.
#[inline(always)]
fn before_trouble(trouble: &Trouble) -> usize {
    let (words, _) = trouble.as_chunks::<8>();
    let mut lanes = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        if word != 0 {
            return lanes + usize::try_from(word.trailing_zeros() / 8).unwrap_or_default();
        }
        lanes += 8;
    }
    lanes
}

/// How many octets behind the first one, which is context, are free of trouble: never all of them, at
/// least one octet is left. None at all, where trouble is close.
///
/// Of the octets counted, with the one behind them: every LF has its CR, every CR but one at the
/// very end has its LF, and (with `DOTS`) no LF has a dot behind it.
pub(crate) fn untroubled<const DOTS: bool>(octets: &[u8], unusual: &mut Unusual) -> usize {
    // A small window first: where there is trouble everywhere, no more is looked at at any call.
    let Some(window) = octets.first_chunk::<SMALL>() else { return 0 };
    let (trouble, least) = look::<DOTS, SMALL>(window, USUAL);
    if is_any(&trouble) {
        return 0;
    }
    let mut least = least;
    let count = if octets.len() > LARGE * 2 {
        widest(
            #[inline(always)]
            || far::<DOTS>(octets, LANES, &mut least),
        )
    } else {
        near::<DOTS>(octets, LANES, &mut least)
    };
    // Nearly always there is none, and one question tells.
    if any_unusual(&least) {
        unusual.add_all(octets.get(1..=count).unwrap_or_default());
    }
    count
}

/// Goes on behind the first `count` octets, up to trouble.
#[inline(always)]
fn far<const DOTS: bool>(octets: &[u8], count: usize, least: &mut Least) -> usize {
    let count = windows::<DOTS, LARGE>(octets, count, least);
    let count = windows::<DOTS, MIDDLE>(octets, count, least);
    near::<DOTS>(octets, count, least)
}

/// The same in whole windows, up to one with trouble.
#[inline(always)]
fn windows<const DOTS: bool, const N: usize>(
    octets: &[u8],
    mut count: usize,
    least: &mut Least,
) -> usize {
    let mut lowest = *least;
    while let Some(window) = octets.get(count..).and_then(<[u8]>::first_chunk::<N>) {
        let (trouble, low) = look::<DOTS, N>(window, lowest);
        lowest = low;
        if is_any(&trouble) {
            break;
        }
        count += N - 2;
    }
    *least = lowest;
    count
}

/// The same in small steps, up to the trouble itself.
#[inline(always)]
fn near<const DOTS: bool>(octets: &[u8], mut count: usize, least: &mut Least) -> usize {
    loop {
        // What is left may be too short for a window: the last one begins among octets already passed.
        let Some(last) = octets.len().checked_sub(SMALL) else { return count };
        let start = count.min(last);
        let Some(window) = octets.get(start..).and_then(<[u8]>::first_chunk::<SMALL>) else {
            return count;
        };
        let (trouble, low) = look::<DOTS, SMALL>(window, *least);
        *least = low;
        let passed = before_trouble(&trouble);
        count = start + passed;
        if passed < LANES || start == last {
            return count;
        }
    }
}

/// Does `work` with the widest vectors that this processor has; `work` is written for the compiler's
/// vectoriser and inlined.
#[cfg(feature = "std")]
#[inline(always)]
pub(super) fn widest<R>(work: impl FnOnce() -> R) -> R {
    use fearless_simd::Level;
    use std::sync::LazyLock;

    // To ask for all that a level consists of costs as much as to look at a hundred octets.
    static LEVEL: LazyLock<Level> = LazyLock::new(Level::new);
    LEVEL.dispatch(
        #[inline(always)]
        |_| work(),
    )
}

/// Without std nobody says what the processor has: the vectors of the target are used.
#[cfg(not(feature = "std"))]
#[inline(always)]
pub(super) fn widest<R>(work: impl FnOnce() -> R) -> R {
    work()
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
