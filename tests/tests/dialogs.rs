//! Every dialog, played in every way.

use smtp_tests::{
    client_dialog,
    dialog::{self, Memory},
};

#[test]
fn server() {
    let dialogs = dialog::all("server");
    let mut failed = Vec::new();
    for dialog in &dialogs {
        if let Err(panic) = std::panic::catch_unwind(|| dialog.check()) {
            failed.push(panic);
        }
    }
    assert!(failed.is_empty(), "{} of {} dialogs failed", failed.len(), dialogs.len());
}

#[test]
fn client() {
    let dialogs = client_dialog::all("client");
    let mut failed = Vec::new();
    for dialog in &dialogs {
        if let Err(panic) = std::panic::catch_unwind(|| dialog.check()) {
            failed.push(panic);
        }
    }
    assert!(failed.is_empty(), "{} of {} dialogs failed", failed.len(), dialogs.len());
}

/// The way by which dialogs are played over the streams of an adapter.
#[test]
fn server_over_a_line() {
    for dialog in dialog::all("server") {
        Memory::new(&dialog, usize::MAX, ()).play(&dialog);
    }
}
