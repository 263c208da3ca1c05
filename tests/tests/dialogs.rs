//! Every dialog, played in every way.

use smtp_tests::dialog;

#[test]
fn server() {
    let dialogs = dialog::all("server");
    let mut failed = Vec::new();
    for dialog in &dialogs {
        if let Err(panic) = std::panic::catch_unwind(|| dialog.check()) {
            failed.push(panic);
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {} dialogs failed",
        failed.len(),
        dialogs.len()
    );
}
