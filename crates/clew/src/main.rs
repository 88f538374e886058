//! The binary: command line, configuration, wiring, signals.
//!
//! Exit codes: 0 fine, 1 the thing asked for failed, 2 wrong usage or configuration.

mod canary;
mod check_config;
mod cli;
mod config;
mod demo;
mod limits;
mod listeners;
mod members;
mod open_files;
mod query;
mod reload;
mod secrets;
mod server;
mod storage;
mod terminal;
mod watch;
mod welcome;

use clap::Parser;
use cli::{Cli, Command, Document};
use std::process::ExitCode;

/// Wrong usage or configuration.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => server::run(&args),
        Command::Demo(args) => server::run_demo(args),
        Command::Query { command } => query::run(&command),
        Command::Canary(args) => canary::run(&args),
        Command::Health { server } => query::health(server.as_deref()),
        Command::CheckConfig { file } => check_config::run(&file),
        Command::HashPassword => secrets::hash(),
        Command::NewToken => secrets::token(),
        Command::User { command } => members::user(&command),
        Command::Token { command } => members::token(&command),
        Command::Catalog { command } => members::catalog(&command),
        Command::Audit { command } => members::audit(&command),
        Command::Docs { document } => print_document(document),
    }
}

fn print_document(document: Document) -> ExitCode {
    match document {
        Document::Configuration => terminal::say(config::render_docs().trim_end_matches('\n')),
        Document::Openapi => match clew_api::openapi_json() {
            Ok(text) => terminal::say(&text),
            Err(error) => {
                terminal::complain(&format!("cannot describe the API: {error}"));
                return ExitCode::FAILURE;
            }
        },
    }
    ExitCode::SUCCESS
}
