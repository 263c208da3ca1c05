//! The dialogs of a server, said by our own client, as far as it can say them.

use std::{collections::BTreeMap, panic::catch_unwind};

use smtp_proto::client::Misuse;
use smtp_tests::{
    dialog,
    own_client::{Performance, Unsaid, perform},
    pair::Pieces,
};

/// Of the dialogs in the files, so many at least are said to their end; more only as files grow.
const WHOLE: usize = 60;

/// And in all of them, so many replies at least are told by the client.
const REPLIES: usize = 700;

#[test]
fn server_dialogs_by_our_own_client() {
    let dialogs = dialog::all("server");
    let mut whole = 0;
    let mut replies = 0;
    let mut failed = 0;
    let mut unsaid: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for dialog in &dialogs {
        if dialog.together {
            // No client says what these are about.
            unsaid.entry("Together".to_owned()).or_default().push(&dialog.name);
            continue;
        }
        let Ok(performance) = catch_unwind(|| in_all_ways(dialog)) else {
            failed += 1;
            continue;
        };
        replies += performance.replies;
        match performance.unsaid {
            None => whole += 1,
            Some(why) => unsaid.entry(format!("{why:?}")).or_default().push(&dialog.name),
        }
    }
    println!("{whole} of {} dialogs, {replies} replies; not: {unsaid:#?}", dialogs.len());
    assert_eq!(failed, 0, "of {} dialogs", dialogs.len());
    assert!(whole >= WHOLE, "only {whole} of {} dialogs", dialogs.len());
    assert!(replies >= REPLIES, "only {replies} replies");
}

fn in_all_ways(dialog: &dialog::Dialog) -> Performance {
    let performance = perform(dialog, Pieces::Whole, false);
    let name = &dialog.name;
    assert!(
        !matches!(
            performance.unsaid,
            Some(Unsaid::Refused(Misuse::AwaitReplies | Misuse::QueueFull))
        ),
        "{name}: there is nothing to wait for"
    );
    for pieces in [Pieces::Of(1), Pieces::Random(7)] {
        let other = perform(dialog, pieces, false);
        assert_eq!(other.unsaid, performance.unsaid, "{name}: {pieces:?}");
        assert_eq!(other.replies, performance.replies, "{name}: {pieces:?}");
    }
    // What a client that has read every reply knows better than to say, it does not say.
    let lockstep = perform(dialog, Pieces::Whole, true);
    assert!(lockstep.replies <= performance.replies, "{name}: in lockstep");
    performance
}
