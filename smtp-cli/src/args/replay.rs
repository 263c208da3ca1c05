//! The arguments of `smtp replay`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  smtp send --server 127.0.0.1:2525 --from a@example.org --to b@example.net --body 'Hello' \\
       --transcript session.smtp --keep-content 100000
  smtp replay session.smtp

How the side that was recorded was configured is guessed from what it said, and from what it
forgave.
Exit codes: 0 all was the same; 76 a difference, which is told with its line; 65 no transcript;
64 usage; 73 the output cannot be written.
";

#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Replay {
    /// A transcript that `smtp send --transcript` or `smtp serve --transcript` has written.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
