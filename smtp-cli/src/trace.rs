//! What is said: lines on the standard error output, and transcripts in files.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use smtp_proto::transcript::{Content, Entry, Recording, Speaker, Transcript};

use crate::{
    exit::{Code, Failure},
    notice::notice,
    private,
};

/// Tells what is said to those who asked for it.
#[derive(Debug)]
pub(crate) struct Trace {
    lines: bool,
    begun: Instant,
    transcript: Option<Target>,
}

/// Where transcripts go.
#[derive(Debug)]
enum Target {
    /// Of a client's session, and of the next in a file beside it.
    Files { path: PathBuf, open: Mutex<Own> },
    /// A file for each session.
    Folder { folder: PathBuf, begun: u64, open: Mutex<Option<(u64, File)>> },
}

/// The file of a client's session.
#[derive(Debug)]
struct Own {
    /// How many sessions there were.
    number: u64,
    /// None where it could not be made.
    file: Option<File>,
}

/// How a session is recorded whose content is kept up to so many octets of each message.
pub(crate) fn recording(content: Option<usize>) -> Recording {
    match content {
        None => Recording::default(),
        // What is not told yet must have room.
        Some(limit) => Recording::from(Content::Kept { limit })
            .bounds(4096, limit.max(1 << 20).saturating_mul(2)),
    }
}

impl Trace {
    /// Of the sessions of a client; `None` if nobody asked.
    pub(crate) fn client(lines: bool, file: Option<&Path>) -> Result<Option<Self>, Failure> {
        let target = file.map(|path| {
            let file = begin(path).map_err(|error| failure(path, &error))?;
            let open = Mutex::new(Own { number: 0, file: Some(file) });
            Ok(Target::Files { path: path.to_owned(), open })
        });
        Ok(Self::new(lines, target.transpose()?))
    }

    /// Of the sessions of a server; `None` if nobody asked.
    pub(crate) fn server(lines: bool, folder: Option<&Path>) -> Result<Option<Self>, Failure> {
        let target = folder.map(|folder| {
            let made = private::directories().recursive(true).create(folder);
            made.map_err(|error| failure(folder, &error))?;
            let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            Ok(Target::Folder { folder: folder.to_owned(), begun, open: Mutex::new(None) })
        });
        Ok(Self::new(lines, target.transpose()?))
    }

    fn new(lines: bool, transcript: Option<Target>) -> Option<Self> {
        let asked = lines || transcript.is_some();
        asked.then(|| Self { lines, begun: Instant::now(), transcript })
    }

    /// A client's session begins. The first has the file that was named, and is told whether or not this was called;
    /// each of the others has one beside it, with its number behind the name.
    pub(crate) fn begin(&self) {
        let Some(Target::Files { path, open }) = &self.transcript else { return };
        let mut own = open.lock().unwrap_or_else(PoisonError::into_inner);
        own.number += 1;
        if own.number > 1 {
            let mut name = OsString::from(path);
            name.push(format!(".{}", own.number));
            let name = PathBuf::from(name);
            own.file = begin(&name)
                .map_err(|error| notice(format_args!("smtp: {}", failure(&name, &error))))
                .ok();
        }
    }

    /// Tells an entry of a session that has this number and this peer.
    pub(crate) fn tell(&self, session: u64, peer: &str, entry: &Entry) {
        if self.lines && !matches!(entry, Entry::Answer(_)) {
            print(self.begun.elapsed(), peer, entry);
        }
        let written = match &self.transcript {
            None => Ok(()),
            Some(Target::Files { open, .. }) => {
                let mut own = open.lock().unwrap_or_else(PoisonError::into_inner);
                let file = own.file.as_mut();
                file.map_or(Ok(()), |file| file.write_all(entry.lines().to_string().as_bytes()))
            }
            Some(Target::Folder { folder, begun, open }) => {
                let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
                append(folder, *begun, &mut open, session, entry)
            }
        };
        if let Err(error) = written {
            notice(format_args!("smtp: transcript: {error}"));
        }
    }
}

/// `0.012 C: NOOP`: seconds since the start; a line for each line of a reply.
fn print(elapsed: Duration, peer: &str, entry: &Entry) {
    let gap = if peer.is_empty() { "" } else { " " };
    let time = elapsed.as_secs_f64();
    for line in entry.to_string().lines() {
        notice(format_args!("{time:9.3} {peer}{gap}{line}"));
    }
}

/// Appends to the session's file. The one used last is kept open; how many sessions there are makes no
/// difference to how many files are.
fn append(
    folder: &Path,
    begun: u64,
    open: &mut Option<(u64, File)>,
    session: u64,
    entry: &Entry,
) -> io::Result<()> {
    if open.as_ref().is_none_or(|(last, _)| *last != session) {
        let mut file = create(&folder.join(format!("{begun}.{session}.smtp")))?;
        if file.metadata()?.len() == 0 {
            file.write_all(Transcript::title(Speaker::Server).as_bytes())?;
        }
        *open = Some((session, file));
    }
    match open {
        Some((_, file)) => file.write_all(entry.lines().to_string().as_bytes()),
        None => Ok(()),
    }
}

/// Begins the transcript of a client in an empty file.
fn begin(path: &Path) -> io::Result<File> {
    let mut file = create(path)?;
    file.set_len(0)?;
    file.write_all(Transcript::title(Speaker::Client).as_bytes())?;
    Ok(file)
}

/// Opens a file that nobody else may read: who writes to whom is in it.
fn create(path: &Path) -> io::Result<File> {
    let file = private::files().append(true).create(true).open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        // One that was there before is as open as it was; a device is not ours to close.
        let found = file.metadata()?;
        if found.is_file() && found.permissions().mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(file)
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::CannotCreate, format!("{}: {error}", path.display()))
}
