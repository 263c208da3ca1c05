//! What servers of every runtime have in common, on tokio's clock, which jumps.

mod accept;
mod certificates;
mod deadline;
mod help;
mod limits;
mod observer;
mod runtime;
