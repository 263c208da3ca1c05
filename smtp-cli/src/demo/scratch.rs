//! A directory for a while.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{notice::notice, private};

/// A directory under the system's for temporary files, which goes with all that is in it when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes it for no other user, under a name that nobody can have taken before: who knew it could have put links
    /// there.
    pub(super) fn new() -> io::Result<Self> {
        let mut octets = [0; 8];
        getrandom::fill(&mut octets)?;
        let name = format!("smtp-demo-{:016x}", u64::from_ne_bytes(octets));
        let path = std::env::temp_dir().join(name);
        private::directories().create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            notice(format_args!("smtp: {}: {error}", self.0.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_nobody_elses_and_goes_with_what_is_in_it() {
        let (one, other) = (Scratch::new().unwrap(), Scratch::new().unwrap());
        assert_ne!(one.path(), other.path());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            let mode = fs::metadata(one.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        let path = one.path().to_owned();
        fs::create_dir(path.join("folder")).unwrap();
        fs::write(path.join("folder/file"), "x").unwrap();
        drop(one);
        assert!(!path.exists() && other.path().exists());
    }
}
