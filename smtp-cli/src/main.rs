//! The `smtp` program.
#![warn(clippy::print_stderr, clippy::print_stdout)]

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
mod output;
mod private;
mod probe;
mod replay;
mod runtime;
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
    args::{Arguments, Command, Runtime},
    exit::{Code, Failure},
    notice::notice,
    runtime::{Blocking, Smol, System, Tokio},
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
    match complete(arguments.command).and_then(run) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(code)) => code.into(),
        Err(failure) => {
            notice(format_args!("smtp: {failure}"));
            failure.code.into()
        }
    }
}

/// With what the environment says.
fn complete(mut command: Command) -> Result<Command, Failure> {
    command.complete(|name| std::env::var_os(name))?;
    Ok(command)
}

fn run(command: Command) -> Result<Option<Code>, Failure> {
    match command.runtime() {
        Runtime::Tokio => run_on::<Tokio>(command),
        Runtime::Smol => run_on::<Smol>(command),
        Runtime::Blocking => run_on::<Blocking>(command),
    }
}

fn run_on<R: System>(command: Command) -> Result<Option<Code>, Failure> {
    let result = R::run(async {
        match command {
            Command::Serve(serve) => serve::run::<R>(&serve).await.map(|()| None),
            Command::Send(send) => send::run::<R>(&send).await,
            Command::Load(load) => load::run::<R>(&load).await,
            Command::Replay(replay) => replay::run(&replay).map(|()| None),
            Command::Probe(probe) => probe::run::<R>(&probe).await,
            Command::Demo(_) => demo::run::<R>().await.map(|()| None),
        }
    });
    result.map_err(|error| Failure::new(Code::Temporary, error))?
}
