//! The `smtp` program.
#![warn(clippy::print_stderr)]

mod address;
mod args;
mod arrival;
mod compose;
mod demo;
mod exit;
mod load;
mod maildir;
mod notice;
mod open_files;
mod probe;
mod replay;
mod send;
mod serve;
mod session;
mod signal;
mod source;
mod trace;
mod trust;
mod users;

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};

use crate::{
    args::{Arguments, Command},
    exit::{Code, Failure},
    notice::notice,
};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing is left to be done if even this cannot be printed.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => Code::Usage.into(),
            };
        }
    };
    match run(arguments.command) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(code)) => code.into(),
        Err(failure) => {
            notice(format_args!("smtp: {failure}"));
            failure.code.into()
        }
    }
}

fn run(command: Command) -> Result<Option<Code>, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Temporary, error))?;
    let result = runtime.block_on(async {
        match command {
            Command::Serve(serve) => serve::run(&serve).await.map(|()| None),
            Command::Send(send) => send::run(&send).await,
            Command::Load(load) => load::run(&load).await,
            Command::Replay(replay) => replay::run(&replay).map(|()| None),
            Command::Probe(probe) => probe::run(&probe).await,
            Command::Demo(_) => demo::run().await.map(|()| None),
        }
    });
    // Not waited for: a read from the terminal may never end.
    runtime.shutdown_background();
    result
}
