//! How many files, and so sockets, this process may have open.

/// As many as the system lets it have: the usual soft limit of 1024 is there for programs that use
/// `select`. Where it cannot be raised, it stays.
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// There is no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_limit() {}
