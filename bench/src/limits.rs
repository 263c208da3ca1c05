//! What no parser can be faster than.

use std::hint::black_box;

/// Finds the end of each line.
pub fn line_ends(lines: &[&[u8]]) -> usize {
    lines.iter().filter_map(|line| memchr::memchr(b'\n', black_box(line))).sum()
}

/// Looks for the end of a message, and for dots that begin a line, in one search.
pub fn memmem(octets: &[u8]) -> usize {
    memchr::memmem::find_iter(black_box(octets), b"\n.").count()
}

/// Looks for the end of every line.
pub fn memchr_all(octets: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', black_box(octets)).count()
}

/// Copies.
pub fn memcpy(octets: &[u8], copy: &mut [u8]) -> usize {
    copy[..octets.len()].copy_from_slice(black_box(octets));
    black_box(copy).len()
}
