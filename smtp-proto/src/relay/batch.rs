//! Recipients that share a transaction.

use alloc::{collections::BTreeMap, vec::Vec};

/// Recipients in one transaction, unless said otherwise (L-09).
pub const MAX_BATCH: usize = 100;

/// Groups recipients by their next hop, at most so many each (RFC 5321 section 4.5.4.1; L-09): the
/// numbers of those that share a transaction, in their order. `RCPTMAX` of the server's LIMITS, if it
/// is known, is the better bound.
///
/// ```
/// # use smtp_proto::relay::batches;
/// assert_eq!(batches(["x", "y", "x", "x"], 2), [vec![0, 2], vec![1], vec![3]]);
/// ```
#[must_use]
pub fn batches<K: Ord>(next_hops: impl IntoIterator<Item = K>, most: usize) -> Vec<Vec<usize>> {
    let most = most.max(1);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    // The batch of each next hop that has room.
    let mut open: BTreeMap<K, usize> = BTreeMap::new();
    for (number, next_hop) in next_hops.into_iter().enumerate() {
        let batch = open.get(&next_hop).and_then(|&batch| batches.get_mut(batch));
        match batch {
            Some(batch) if batch.len() < most => batch.push(number),
            _ => {
                open.insert(next_hop, batches.len());
                batches.push(alloc::vec![number]);
            }
        }
    }
    batches
}
