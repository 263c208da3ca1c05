//! Files and directories that no other user may look into, where the system has users.

use std::fs::{DirBuilder, OpenOptions};

/// What makes directories.
pub(crate) fn directories() -> DirBuilder {
    #[cfg(not(unix))]
    return DirBuilder::new();
    #[cfg(unix)]
    {
        let mut directories = DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut directories, 0o700);
        directories
    }
}

/// What makes files; one that is there stays as open as it is.
pub(crate) fn files() -> OpenOptions {
    #[cfg(not(unix))]
    return OpenOptions::new();
    #[cfg(unix)]
    {
        let mut files = OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(&mut files, 0o600);
        files
    }
}
