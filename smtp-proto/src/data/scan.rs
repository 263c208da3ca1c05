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
/// Octets between two looks at whether there was trouble: large ones cost little, small ones come
/// close to the trouble. Each has one octet of context on either side.
const LARGE: usize = 512 + 2;
const MIDDLE: usize = 128 + 2;
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

/// What a window holds.
struct Look {
    /// A bare newline or, when asked for, a dot behind an LF.
    trouble: bool,
    /// An octet that is 0 or above 127.
    unusual: bool,
}

/// Looks at a window, which comes with one octet before it and one behind. Of its own octets, where
/// there is no trouble: no LF is without a CR before it, none but an LF comes behind a CR, and no LF
/// has a dot behind it.
#[inline(always)]
fn look<const DOTS: bool, const N: usize>(window: &[u8; N]) -> Look {
    let (mut trouble, mut least) = ([0; LANES], [i8::MAX; LANES]);
    let mut look = |before: &[u8; LANES], these: &[u8; LANES], behind: &[u8; LANES]| {
        let lanes = trouble.iter_mut().zip(&mut least);
        let octets = before.iter().zip(these).zip(behind);
        for ((trouble, least), ((&before, &this), &behind)) in lanes.zip(octets) {
            let line_feed = mask(this == LF);
            *trouble |= line_feed ^ mask(before == CR);
            if DOTS {
                *trouble |= line_feed & mask(behind == DOT);
            }
            // With a sign, 0 and what is above 127 are the least.
            *least = (*least).min(this.cast_signed());
        }
    };
    let (before, _) = window.as_chunks::<LANES>();
    let (these, _) = window.get(1..).unwrap_or_default().as_chunks::<LANES>();
    let (behind, _) = window.get(2..).unwrap_or_default().as_chunks::<LANES>();
    // By fours, so that counting costs a fourth.
    let (before, last_before) = before.as_chunks::<4>();
    let (these, last_these) = these.as_chunks::<4>();
    let (behind, last_behind) = behind.as_chunks::<4>();
    for (([b0, b1, b2, b3], [t0, t1, t2, t3]), [n0, n1, n2, n3]) in
        before.iter().zip(these).zip(behind)
    {
        look(b0, t0, n0);
        look(b1, t1, n1);
        look(b2, t2, n2);
        look(b3, t3, n3);
    }
    for ((before, these), behind) in last_before.iter().zip(last_these).zip(last_behind) {
        look(before, these, behind);
    }
    let mut any = trouble;
    for (any, least) in any.iter_mut().zip(least) {
        *any |= mask(least <= 0);
    }
    // Nearly always there is neither, and one question tells.
    if any == [0; LANES] {
        return Look { trouble: false, unusual: false };
    }
    Look { trouble: trouble != [0; LANES], unusual: true }
}

/// How many octets behind the first one, which is context, are free of trouble: never all of them, at
/// least one octet is left.
///
/// Of the octets counted, with the one behind them: every LF has its CR, every CR but one at the
/// very end has its LF, and (with `DOTS`) no LF has a dot behind it.
pub(crate) fn untroubled<const DOTS: bool>(octets: &[u8], unusual: &mut Unusual) -> usize {
    let mut count = 0;
    // A small one first: where there is trouble everywhere, a large one would be looked at for nothing
    // at every call.
    if pass::<DOTS, SMALL>(octets, &mut count, unusual) {
        if octets.len() > MIDDLE * 2 {
            widest(
                #[inline(always)]
                || far::<DOTS>(octets, &mut count, unusual),
            );
        } else {
            near::<DOTS>(octets, &mut count, unusual);
        }
    }
    count
}

#[inline(always)]
fn far<const DOTS: bool>(octets: &[u8], count: &mut usize, unusual: &mut Unusual) {
    let mut at = *count;
    while pass::<DOTS, LARGE>(octets, &mut at, unusual) {}
    while pass::<DOTS, MIDDLE>(octets, &mut at, unusual) {}
    near::<DOTS>(octets, &mut at, unusual);
    *count = at;
}

#[inline(always)]
fn near<const DOTS: bool>(octets: &[u8], count: &mut usize, unusual: &mut Unusual) {
    while pass::<DOTS, SMALL>(octets, count, unusual) {}
    // What is left is too short for a window: the last one begins among octets already passed.
    if octets.len().saturating_sub(*count) < SMALL
        && let Some(mut last) = octets.len().checked_sub(SMALL)
        && pass::<DOTS, SMALL>(octets, &mut last, unusual)
    {
        *count = last;
    }
}

/// Looks at the window at `count`. Whether it was there, and without trouble; else nothing changes.
#[inline(always)]
fn pass<const DOTS: bool, const N: usize>(
    octets: &[u8],
    count: &mut usize,
    unusual: &mut Unusual,
) -> bool {
    let Some(window) = octets.get(*count..).and_then(<[u8]>::first_chunk::<N>) else {
        return false;
    };
    let look = look::<DOTS, N>(window);
    if look.trouble {
        return false;
    }
    if look.unusual {
        unusual.add_all(window.get(1..N - 1).unwrap_or_default());
    }
    *count += N - 2;
    true
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
