//! Messages into Maildirs, one for each address.
//!
//! A message is written once, under `DIR/.incoming`, and synced; then it is linked into the `new`
//! folder of each recipient and those folders are synced. Only then is it acknowledged. A name in the
//! file system is made of safe characters alone, so no address leads out of DIR. Nobody but the user that the
//! server runs as may read what is made here.

mod disk;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use self::disk::{Disk, Local};
use crate::notice::notice;

/// A name in a directory has at most this many octets on every file system in use.
const NAME_MAX: usize = 255;

/// An unfinished file of this age was left by a crash: the time that Maildir allows for a delivery.
const ABANDONED: Duration = Duration::from_secs(36 * 60 * 60);

/// A directory of Maildirs.
#[derive(Debug)]
pub(crate) struct Store<D: Disk = Local> {
    disk: Arc<D>,
    root: PathBuf,
    incoming: PathBuf,
    host: String,
}

/// A message that is being received.
#[derive(Debug)]
pub(crate) struct Incoming<D: Disk = Local> {
    disk: Arc<D>,
    file: D::File,
    path: PathBuf,
    name: String,
}

impl Store {
    /// Opens, or makes, the store under `root`. What a crash left unfinished is removed once it is so
    /// old that no server can still be at it.
    pub(crate) fn open(root: &Path, host: &str) -> io::Result<Self> {
        Self::open_on(Local, root, host)
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
}

impl<D: Disk> Store<D> {
    fn open_on(disk: D, root: &Path, host: &str) -> io::Result<Self> {
        let incoming = root.join(".incoming");
        make_directories(&disk, &incoming)?;
        clear(&disk, &incoming);
        let host =
            host.chars().filter(|&c| c.is_ascii_alphanumeric() || "-._".contains(c)).collect();
        Ok(Self { disk: Arc::new(disk), root: root.to_owned(), incoming, host })
    }

    /// Begins a message.
    pub(crate) fn begin(&self) -> io::Result<Incoming<D>> {
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
        let file = self.disk.create(&path)?;
        Ok(Incoming { disk: Arc::clone(&self.disk), file, path, name })
    }

    /// Makes the message durable in `mailbox`; the paths of all deliveries survive a crash when this
    /// has returned.
    pub(crate) fn deliver(&self, message: &Incoming<D>, mailbox: &str) -> io::Result<PathBuf> {
        let directory = self.root.join(mailbox);
        let new = directory.join("new");
        let target = new.join(&message.name);
        let mut made = self.disk.link(&message.path, &target);
        if made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            for folder in [&directory, &directory.join("tmp"), &directory.join("cur"), &new] {
                self.disk.make_directory(folder)?;
            }
            made = self.disk.link(&message.path, &target);
        }
        let made = match made {
            Ok(()) => true,
            // The same address twice in one transaction: it is there already.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        // The folders too, even if they were there before: who made them may not have synced them yet.
        for folder in [&new, &directory, &self.root] {
            if let Err(error) = self.disk.sync_directory(folder) {
                if made {
                    let _ = self.disk.remove(&target);
                }
                return Err(error);
            }
        }
        Ok(target)
    }
}

impl<D: Disk> Incoming<D> {
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
        self.disk.sync_file(&self.file)
    }
}

impl<D: Disk> Drop for Incoming<D> {
    fn drop(&mut self) {
        let _ = self.disk.remove(&self.path);
    }
}

/// Removes what was left by a crash. What cannot be removed is in nobody's way, so that it is no reason not to
/// begin.
fn clear(disk: &impl Disk, incoming: &Path) {
    let told = |path: &Path, error: io::Error| {
        notice(format_args!("smtp: cannot clear {}: {error}", path.display()));
    };
    let files = disk.files(incoming).unwrap_or_else(|error| {
        told(incoming, error);
        Vec::new()
    });
    for (path, written) in files {
        if written.elapsed().is_ok_and(|age| age > ABANDONED) {
            match disk.remove(&path) {
                // Another server that begins was quicker.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => told(&path, error),
                Ok(()) => {}
            }
        }
    }
}

/// Makes a directory and those that it is in. What had to be made survives a crash.
fn make_directories(disk: &impl Disk, path: &Path) -> io::Result<()> {
    // The parent of a relative path of one name is the working directory.
    let parent = path.parent().map(|parent| match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    });
    let made = match (disk.make_directory(path), parent) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            make_directories(disk, parent)?;
            disk.make_directory(path)?
        }
        (made, _) => made?,
    };
    match parent {
        Some(parent) if made => disk.sync_directory(parent),
        _ => Ok(()),
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
