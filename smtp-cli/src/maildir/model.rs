//! A file system in memory, whose calls fail as a test wishes, and of which a crash leaves as little as
//! POSIX promises: what was synced, and any part of the rest.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use super::disk::Disk;

/// What goes wrong at one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It fails and does nothing.
    Refused(io::ErrorKind),
    /// It fails although it was done.
    DoneAndFailed,
    /// Half of what was to be written is, then there is no more room; another call is refused.
    Short,
    /// The system stops before it is done.
    CrashBefore,
    /// The system stops before anybody learns that it was done.
    CrashAfter,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Directory,
    /// By its number.
    File(usize),
}

#[derive(Debug, Default, Clone)]
struct Content {
    octets: Vec<u8>,
    /// How many of them are synced.
    synced: usize,
    /// How long ago they were written.
    age: Duration,
}

/// A change of a directory that no sync has made last.
#[derive(Debug, Clone)]
struct Change {
    name: PathBuf,
    node: Option<Node>,
}

#[derive(Debug, Default, Clone)]
struct State {
    names: BTreeMap<PathBuf, Node>,
    synced: BTreeMap<PathBuf, Node>,
    pending: Vec<Change>,
    contents: Vec<Content>,
    calls: usize,
    fault: Option<(usize, Fault)>,
    crashed: bool,
}

/// The file system.
#[derive(Debug, Clone, Default)]
pub(super) struct Model(Arc<Mutex<State>>);

/// An open file of it.
#[derive(Debug)]
pub(super) struct Open {
    model: Model,
    number: usize,
}

impl Model {
    /// With nothing but the root and this directory in it.
    pub(super) fn new(directory: &Path) -> Self {
        let model = Self::default();
        let names = [Path::new("/"), directory].map(|path| (path.to_owned(), Node::Directory));
        model.state().names = names.clone().into();
        model.state().synced = names.into();
        model
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// How many calls there were.
    pub(super) fn calls(&self) -> usize {
        self.state().calls
    }

    /// Has one call go wrong, by its number.
    pub(super) fn fail(&self, call: usize, fault: Fault) {
        self.state().fault = Some((call, fault));
    }

    /// Lets all files be that much older.
    pub(super) fn pass(&self, time: Duration) {
        self.state().contents.iter_mut().for_each(|content| content.age += time);
    }

    /// Whether the system has stopped.
    pub(super) fn has_crashed(&self) -> bool {
        self.state().crashed
    }

    /// The files of a directory, by their names.
    pub(super) fn contents(&self, directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let state = self.state();
        let file = |(name, node): (&PathBuf, &Node)| match node {
            Node::File(number) if name.parent() == Some(directory) => {
                Some((name.clone(), state.contents[*number].octets.clone()))
            }
            _ => None,
        };
        state.names.iter().filter_map(file).collect()
    }

    /// All that may be there after a crash: each change of a name that was not synced has been kept or
    /// has not, and of the content that was not synced nothing, half or all is left.
    pub(super) fn after_a_crash(&self) -> impl Iterator<Item = Self> + use<> {
        let state = self.state().clone();
        let changes = state.pending.len();
        assert!(changes < 16, "{changes} changes are too many to try all that may become of them");
        (0..1_usize << changes).flat_map(move |kept| {
            let state = state.clone();
            [0, 1, 2].map(move |halves| {
                let mut names = state.synced.clone();
                for (index, change) in state.pending.iter().enumerate() {
                    match change.node {
                        _ if kept >> index & 1 == 0 => {}
                        Some(node) => drop(names.insert(change.name.clone(), node)),
                        None => drop(names.remove(&change.name)),
                    }
                }
                // What is in a directory that is gone is gone too.
                let there = names.clone();
                names.retain(|name, _| name.ancestors().all(|path| there.contains_key(path)));
                let mut contents = state.contents.clone();
                for content in &mut contents {
                    let unsynced = content.octets.len() - content.synced;
                    content.octets.truncate(content.synced + unsynced * halves / 2);
                    content.synced = content.octets.len();
                }
                let synced = names.clone();
                Self(Arc::new(Mutex::new(State { names, synced, contents, ..State::default() })))
            })
        })
    }

    /// Does `call`, unless this is the one that goes wrong.
    fn call<T>(&self, call: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        if state.crashed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let number = state.calls;
        state.calls += 1;
        let fault = state.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        match fault {
            None => call(&mut state),
            Some(Fault::Refused(kind)) => Err(kind.into()),
            Some(Fault::Short) => Err(io::ErrorKind::StorageFull.into()),
            Some(Fault::DoneAndFailed) => {
                call(&mut state)?;
                Err(io::Error::other("done, and failed"))
            }
            Some(fault) => {
                if fault == Fault::CrashAfter {
                    let _ = call(&mut state);
                }
                state.crashed = true;
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
    }
}

impl State {
    fn change(&mut self, name: &Path, node: Option<Node>) -> io::Result<()> {
        match name.parent().and_then(|parent| self.names.get(parent)) {
            Some(Node::Directory) => {}
            Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        match (self.names.contains_key(name), node) {
            (true, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (false, None) => return Err(io::ErrorKind::NotFound.into()),
            (true, None) => drop(self.names.remove(name)),
            (false, Some(node)) => drop(self.names.insert(name.to_owned(), node)),
        }
        self.pending.push(Change { name: name.to_owned(), node });
        Ok(())
    }
}

impl Disk for Model {
    type File = Open;

    fn create(&self, path: &Path) -> io::Result<Open> {
        self.call(|state| {
            state.change(path, Some(Node::File(state.contents.len())))?;
            state.contents.push(Content::default());
            Ok(Open { model: self.clone(), number: state.contents.len() - 1 })
        })
    }

    fn sync_file(&self, file: &Open) -> io::Result<()> {
        self.call(|state| {
            let content = &mut state.contents[file.number];
            content.synced = content.octets.len();
            Ok(())
        })
    }

    fn make_directory(&self, path: &Path) -> io::Result<bool> {
        self.call(|state| match state.names.get(path) {
            Some(Node::Directory) => Ok(false),
            _ => state.change(path, Some(Node::Directory)).map(|()| true),
        })
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.call(|state| {
            let pending = std::mem::take(&mut state.pending);
            let (synced, pending): (Vec<_>, _) =
                pending.into_iter().partition(|change| change.name.parent() == Some(path));
            state.pending = pending;
            for Change { name, node } in synced {
                match node {
                    Some(node) => state.synced.insert(name, node),
                    None => state.synced.remove(&name),
                };
            }
            Ok(())
        })
    }

    fn link(&self, file: &Path, name: &Path) -> io::Result<()> {
        self.call(|state| {
            let node = state.names.get(file).copied().ok_or(io::ErrorKind::NotFound)?;
            state.change(name, Some(node))
        })
    }

    fn remove(&self, name: &Path) -> io::Result<()> {
        self.call(|state| state.change(name, None))
    }

    fn files(&self, directory: &Path) -> io::Result<Vec<(PathBuf, SystemTime)>> {
        self.call(|_| Ok(()))?;
        let state = self.state();
        let files = state.names.iter().filter_map(|(name, node)| match node {
            Node::File(number) if name.parent() == Some(directory) => {
                Some((name.clone(), SystemTime::now() - state.contents[*number].age))
            }
            _ => None,
        });
        Ok(files.collect())
    }
}

impl Write for Open {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let is_short = {
            let mut state = self.model.state();
            let is_short = state.fault == Some((state.calls, Fault::Short));
            if is_short {
                let next = state.calls + 1;
                state.fault = Some((next, Fault::Refused(io::ErrorKind::StorageFull)));
            }
            is_short
        };
        let octets = if is_short { &octets[..octets.len() / 2] } else { octets };
        self.model.call(|state| {
            state.contents[self.number].octets.extend_from_slice(octets);
            Ok(octets.len())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
