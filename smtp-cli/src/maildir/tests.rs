use std::fs::{self, File};

use super::{
    model::{Fault, Model},
    *,
};

#[test]
fn an_address_never_leads_out_of_the_store() {
    let cases = [
        ("alice", Some("Example.ORG"), "alice@example.org"),
        ("Alice", Some("example.org"), "Alice@example.org"),
        ("../../etc/passwd", Some("x.example"), "%2E.%2F..%2Fetc%2Fpasswd@x.example"),
        ("..", None, "%2E."),
        (".", None, "%2E"),
        ("a/b", Some("x.example"), "a%2Fb@x.example"),
        ("a\0b", Some("[192.0.2.1]"), "a%00b@%5B192.0.2.1%5D"),
        ("a\\b", Some("x.example"), "a%5Cb@x.example"),
        ("Jörg", Some("x.example"), "J%C3%B6rg@x.example"),
        ("a%2Fb", Some("x.example"), "a%252Fb@x.example"),
        ("a@b", Some("x.example"), "a%40b@x.example"),
    ];
    for (local_part, domain, name) in cases {
        assert_eq!(Store::mailbox(local_part, domain).as_deref(), Some(name));
        assert_eq!(Path::new(name).components().count(), 1);
    }
    assert_eq!(Store::mailbox("", None), None);
    assert_eq!(Store::mailbox(&"x".repeat(300), None), None);
}

#[test]
fn a_message_appears_whole_or_not_at_all() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), "mx.example").unwrap();
    let mut message = store.begin().unwrap();
    message.write(b"Subject: hello\r\n\r\nhi\r\n").unwrap();
    message.sync().unwrap();
    assert!(!root.path().join("bob@x.example").exists());
    let path = store.deliver(&message, "bob@x.example").unwrap();
    let again = store.deliver(&message, "bob@x.example").unwrap();
    assert_eq!(path, again);
    drop(message);
    assert_eq!(fs::read(&path).unwrap(), b"Subject: hello\r\n\r\nhi\r\n");
    assert_eq!(fs::read_dir(root.path().join(".incoming")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(root.path().join("bob@x.example/new")).unwrap().count(), 1);
}

#[test]
fn what_a_crash_left_is_cleared_and_what_another_server_writes_is_not() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path(), "mx.example").unwrap();
    let under_way = store.begin().unwrap();
    let left = File::create(root.path().join(".incoming/left")).unwrap();
    left.set_modified(SystemTime::now() - 2 * ABANDONED).unwrap();
    drop(Store::open(root.path(), "mx.example").unwrap());
    let names = fs::read_dir(root.path().join(".incoming")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [under_way.name()]);
}

/// What is old and no file is of another program.
#[test]
fn only_files_are_cleared() {
    let root = tempfile::tempdir().unwrap();
    drop(Store::open(root.path(), "mx.example").unwrap());
    let folder = root.path().join(".incoming/folder");
    fs::create_dir(&folder).unwrap();
    File::open(&folder).unwrap().set_modified(SystemTime::now() - 2 * ABANDONED).unwrap();
    drop(Store::open(root.path(), "mx.example").unwrap());
    assert!(folder.exists());
}

/// Whatever the umask is.
#[cfg(unix)]
#[test]
fn nobody_else_may_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt;

    let root = tempfile::tempdir().unwrap();
    let store = Store::open(&root.path().join("some/where"), "mx.example").unwrap();
    let message = store.begin().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&message.path), 0o600);
    let path = store.deliver(&message, "bob@x.example").unwrap();
    assert_eq!(mode(&path), 0o600);
    let mailbox = root.path().join("some/where/bob@x.example");
    for folder in ["", "new", "cur", "tmp", "../.incoming", "..", "../.."] {
        assert_eq!(mode(&mailbox.join(folder)), 0o700, "{folder}");
    }
}

const PIECES: [&str; 3] = ["Subject: hello\r\n", "\r\n", "in pieces\r\n"];
const MAILBOXES: [&str; 2] = ["ann@x.example", "bob@x.example"];
/// Its parent is not there either.
const ROOT: &str = "/var/spool/mail";

/// Opens a store and receives a message: which mailboxes have it, as far as anybody was told.
fn receive(model: &Model) -> Vec<&'static str> {
    let receive = || {
        let store = Store::open_on(model.clone(), Path::new(ROOT), "mx.example")?;
        let mut message = store.begin()?;
        PIECES.iter().try_for_each(|piece| message.write(piece.as_bytes()))?;
        message.sync()?;
        let told = MAILBOXES.map(|mailbox| store.deliver(&message, mailbox).map(|_| mailbox));
        io::Result::Ok(told.into_iter().flatten().collect())
    };
    receive().unwrap_or_default()
}

fn model() -> Model {
    Model::new(Path::new("/var"))
}

/// How many calls it takes if all goes well.
fn calls() -> usize {
    let model = model();
    assert_eq!(receive(&model), MAILBOXES);
    model.calls()
}

/// Of each mailbox how many messages it holds, all of which are whole.
fn held(model: &Model) -> [usize; 2] {
    MAILBOXES.map(|mailbox| {
        let messages = model.contents(&Path::new(ROOT).join(mailbox).join("new"));
        for (name, octets) in &messages {
            assert_eq!(String::from_utf8_lossy(octets), PIECES.concat(), "{name:?}");
        }
        messages.len()
    })
}

#[test]
fn each_call_that_fails_is_told_and_leaves_nothing_in_part() {
    let faults = [
        Fault::Refused(io::ErrorKind::StorageFull),
        Fault::Refused(io::ErrorKind::Other),
        Fault::Short,
        Fault::DoneAndFailed,
    ];
    let all = calls();
    for (fault, call) in
        faults.into_iter().flat_map(|fault| (0..all).map(move |call| (fault, call)))
    {
        let model = model();
        model.fail(call, fault);
        let told = receive(&model);
        for (mailbox, held) in MAILBOXES.iter().zip(held(&model)) {
            let is_told = told.contains(mailbox);
            // Only of one that was made, and failed, may more be there than was told.
            let most = usize::from(is_told || fault == Fault::DoneAndFailed);
            assert!(
                (usize::from(is_told)..=most).contains(&held),
                "{fault:?} at {call}, {mailbox}"
            );
        }
        // What is left of a file that could not be taken away, or of which only a failure was told.
        let is_left = call + 1 == all || fault == Fault::DoneAndFailed;
        let left = model.contents(&Path::new(ROOT).join(".incoming")).len();
        assert!(left <= usize::from(is_left), "{fault:?} at {call}");
        // It was the one call.
        assert_eq!(receive(&model), MAILBOXES, "{fault:?} at {call}");
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_crash_at_any_call_and_nothing_in_part() {
    let all = calls();
    let mut tried = 0;
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        // Behind the last call it crashes, too.
        for call in 0..=all {
            let model = model();
            model.fail(call, fault);
            let told = receive(&model);
            assert_eq!(model.has_crashed(), call < all);
            for left in model.after_a_crash() {
                tried += 1;
                for (mailbox, held) in MAILBOXES.iter().zip(held(&left)) {
                    let least = usize::from(told.contains(mailbox));
                    assert!((least..=1).contains(&held), "{fault:?} at {call}, {mailbox}");
                }
                assert_eq!(receive(&left), MAILBOXES, "{fault:?} at {call}");
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

/// Two servers that begin at the same time clear the same files, and one comes too late for each.
#[test]
fn what_cannot_be_cleared_is_no_reason_not_to_begin() {
    const LEFT: usize = 3;
    let left = || {
        let model = model();
        let store = Store::open_on(model.clone(), Path::new(ROOT), "mx.example").unwrap();
        for _ in 0..LEFT {
            // As if the server had been killed.
            std::mem::forget(store.begin().unwrap());
        }
        model.pass(2 * ABANDONED);
        model
    };
    let begin = |model: &Model| Store::open_on(model.clone(), Path::new(ROOT), "mx.example");
    let incoming = |model: &Model| model.contents(&Path::new(ROOT).join(".incoming")).len();
    // The directory is there; then it is listed, and each file is removed.
    let clearing = 1..2 + LEFT;
    for call in clearing {
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied] {
            let model = left();
            assert_eq!(incoming(&model), LEFT);
            model.fail(model.calls() + call, Fault::Refused(kind));
            begin(&model).unwrap();
            assert_eq!(incoming(&model), if call == 1 { LEFT } else { 1 }, "{kind} at {call}");
            begin(&model).unwrap();
            assert_eq!(incoming(&model), 0);
        }
    }
}
