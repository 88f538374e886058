//! `clew query`: asks a running server from the shell.
//!
//! Exit codes: 0 answered (also when nothing was found, or when whoever reads the output has enough), 1 nobody answered
//! or the server failed, 2 the query or an option cannot be understood.

mod args;
mod client;
mod correlate;
mod credentials;
mod error;
mod logs;
mod metrics;
mod output;
mod tail;
mod text;
mod traces;

pub(crate) use args::{CommonArgs, QueryCommand};
pub(crate) use client::{Params, Server};
pub(crate) use error::QueryError;

use output::Out;
use std::process::ExitCode;

/// Asks, answers on standard output, and answers the exit code.
pub(crate) fn run(command: &QueryCommand) -> ExitCode {
    finish(ask(command))
}

/// Asks a server whether it takes requests and can write everything; for the container's health check, whose image has
/// no other program.
pub(crate) fn health(server: Option<&str>) -> ExitCode {
    finish(block_on(async {
        let server = Server::at(server)?;
        server.get(&["-", "ready"], &Params::default(), "").await.map(|_| ())
    }))
}

/// Says what went wrong, if anything did, and answers the exit code.
pub(crate) fn finish(outcome: Result<(), QueryError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

fn ask(command: &QueryCommand) -> Result<(), QueryError> {
    let common = common(command);
    let server = Server::of(common)?;
    let mut out = Out::of(common);
    block_on(async {
        match command {
            QueryCommand::Logs(args) => logs::run(args, &server, &mut out).await,
            QueryCommand::Metrics(args) => metrics::run(args, &server, &mut out).await,
            QueryCommand::Traces(args) => traces::run(args, &server, &mut out).await,
            QueryCommand::Correlate(args) => correlate::run(args, &server, &mut out).await,
        }
    })
}

fn common(command: &QueryCommand) -> &CommonArgs {
    match command {
        QueryCommand::Logs(args) => &args.common,
        QueryCommand::Metrics(args) => &args.common,
        QueryCommand::Traces(args) => &args.common,
        QueryCommand::Correlate(args) => &args.common,
    }
}

fn block_on(work: impl Future<Output = Result<(), QueryError>>) -> Result<(), QueryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work)
}
