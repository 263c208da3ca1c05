//! What a store asks of a file system, so that tests can have each call fail, or be the last one.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::private;

/// A file system.
pub(crate) trait Disk: fmt::Debug {
    /// An open file; what is written is appended.
    type File: Write + fmt::Debug;

    /// Makes a file that was not there, and that no other user may read.
    fn create(&self, path: &Path) -> io::Result<Self::File>;

    /// Has the content of a file survive a crash of the system.
    fn sync_file(&self, file: &Self::File) -> io::Result<()>;

    /// Makes a directory, whose parent is there, for no other user; false if it was there too.
    fn make_directory(&self, path: &Path) -> io::Result<bool>;

    /// Has the names in a directory survive a crash of the system.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Gives a file a second name, unless that is taken.
    fn link(&self, file: &Path, name: &Path) -> io::Result<()>;

    /// Takes a name from a file.
    fn remove(&self, name: &Path) -> io::Result<()>;

    /// The files of a directory, without what else is in it, and when they were written to.
    fn files(&self, directory: &Path) -> io::Result<Vec<(PathBuf, SystemTime)>>;
}

/// The file system of this system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Local;

impl Disk for Local {
    type File = File;

    fn create(&self, path: &Path) -> io::Result<File> {
        private::files().write(true).create_new(true).open(path)
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn make_directory(&self, path: &Path) -> io::Result<bool> {
        match private::directories().create(path) {
            Ok(()) => Ok(true),
            // Systems differ in what they say of one that is there.
            Err(_) if path.is_dir() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Not every system can open a directory; one that cannot keeps the names in order by itself.
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn link(&self, file: &Path, name: &Path) -> io::Result<()> {
        fs::hard_link(file, name)
    }

    fn remove(&self, name: &Path) -> io::Result<()> {
        fs::remove_file(name)
    }

    fn files(&self, directory: &Path) -> io::Result<Vec<(PathBuf, SystemTime)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(found) if found.is_file() => files.push((entry.path(), found.modified()?)),
                Ok(_) => {}
                // Its server is done with it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }
}
