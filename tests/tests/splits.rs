//! Cutting changes nothing: sessions of both roles, made from seeds, cut everywhere.
//!
//! ```sh
//! cargo run --release -p smtp-tests --bin splits -- 1000000
//! ```

use smtp_tests::splits::Sessions;

#[test]
fn sessions_mean_the_same_however_they_are_cut() {
    let sessions = Sessions::default();
    let mut played = 0;
    for seed in 0..250 {
        match sessions.check(seed) {
            Ok(times) => played += times,
            Err(what) => panic!("seed {seed}: {what}"),
        }
    }
    assert!(played > 250 * 200, "{played}");
}
