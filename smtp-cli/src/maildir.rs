//! Messages into Maildirs, one for each address.
//!
//! A message is written once, under `DIR/.incoming`, and synced; then it is linked into the `new`
//! folder of each recipient and those folders are synced. Only then is it acknowledged. A name in the
//! file system is made of safe characters alone, so no address leads out of DIR.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A name in a directory has at most this many octets on every file system in use.
const NAME_MAX: usize = 255;

/// An unfinished file of this age was left by a crash: the time that Maildir allows for a delivery.
const ABANDONED: Duration = Duration::from_secs(36 * 60 * 60);

/// A directory of Maildirs.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
    incoming: PathBuf,
    host: String,
}

/// A message that is being received.
#[derive(Debug)]
pub(crate) struct Incoming {
    file: File,
    path: PathBuf,
    name: String,
}

impl Store {
    /// Opens, or makes, the store under `root`. What a crash left unfinished is removed once it is so
    /// old that no server can still be at it.
    pub(crate) fn open(root: &Path, host: &str) -> io::Result<Self> {
        let incoming = root.join(".incoming");
        fs::create_dir_all(&incoming)?;
        for entry in fs::read_dir(&incoming)? {
            let entry = entry?;
            if entry.metadata()?.modified()?.elapsed().is_ok_and(|age| age > ABANDONED) {
                fs::remove_file(entry.path())?;
            }
        }
        let host =
            host.chars().filter(|&c| c.is_ascii_alphanumeric() || "-._".contains(c)).collect();
        Ok(Self { root: root.to_owned(), incoming, host })
    }

    /// The name of an address's Maildir; `None` when it would be too long.
    pub(crate) fn mailbox(local_part: &str, domain: Option<&str>) -> Option<String> {
        let mut name = String::new();
        for octet in local_part.bytes() {
            push_safe(&mut name, octet);
        }
        if let Some(domain) = domain {
            name.push('@');
            for octet in domain.to_ascii_lowercase().bytes() {
                push_safe(&mut name, octet);
            }
        }
        (!name.is_empty() && name.len() <= NAME_MAX).then_some(name)
    }

    /// Begins a message.
    pub(crate) fn begin(&self) -> io::Result<Incoming> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{}.M{:06}P{}Q{count}.{}",
            now.as_secs(),
            now.subsec_micros(),
            process::id(),
            self.host
        );
        let path = self.incoming.join(&name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Incoming { file, path, name })
    }

    /// Makes the message durable in `mailbox`; the paths of all deliveries survive a crash when this
    /// has returned.
    pub(crate) fn deliver(&self, message: &Incoming, mailbox: &str) -> io::Result<PathBuf> {
        let directory = self.root.join(mailbox);
        let new = directory.join("new");
        for folder in ["tmp", "cur", "new"] {
            fs::create_dir_all(directory.join(folder))?;
        }
        let target = new.join(&message.name);
        let made = match fs::hard_link(&message.path, &target) {
            Ok(()) => true,
            // The same address twice in one transaction: it is there already.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        // The folders too, even if they were there before: who made them may not have synced them yet.
        for folder in [&new, &directory, &self.root] {
            if let Err(error) = sync_directory(folder) {
                if made {
                    let _ = fs::remove_file(&target);
                }
                return Err(error);
            }
        }
        Ok(target)
    }
}

impl Incoming {
    /// The unique name of the message, which also serves as its id.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Appends octets.
    pub(crate) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.file.write_all(octets)
    }

    /// Puts everything on the disk.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Letters, digits and a few marks as they are, anything else as `%XX`. A dot in front is escaped too,
/// so that no name is `.`, `..` or hidden.
fn push_safe(name: &mut String, octet: u8) {
    let safe = octet.is_ascii_alphanumeric()
        || matches!(octet, b'-' | b'_' | b'+' | b'=' | b'~')
        || (octet == b'.' && !name.is_empty());
    if safe {
        name.push(char::from(octet));
    } else {
        name.push_str(&format!("%{octet:02X}"));
    }
}

/// Makes the entries of a directory durable. Not every system can open one; those that cannot keep
/// them in order by themselves.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
