//! `clew canary`: writes records of all three signals with sequence numbers and reads each back, so that an operator sees
//! whether what a server acknowledges is there, once, in order, and how soon.
//!
//! A write that is refused or not answered is sent again, the same bytes, until it is acknowledged: a server may be
//! restarted meanwhile. Exit codes: 0 everything acknowledged is there; 1 something is missing, doubled or out of order, or
//! could not be looked for; 2 wrong options.

mod ledger;
mod records;
mod run;

use crate::limits::{CANARY_LEAST_INTERVAL, CANARY_WAIT};
use crate::query::{CommonArgs, QueryError, Server, finish};
use crate::terminal::say;
use clap::Args;
use clew_config::yaml::parse_duration;
use records::Kind;
use run::{Canary, Outcome};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// `clew canary`
#[derive(Debug, Clone, Args)]
pub(crate) struct CanaryArgs {
    /// The server. Default: the variable CLEW_URL, else http://127.0.0.1:4300.
    #[arg(long, alias = "server", value_name = "URL")]
    pub url: Option<String>,

    /// A token with the scopes ingest and read. Default: the variable CLEW_TOKEN, which others on the machine cannot read.
    #[arg(long, value_name = "TOKEN", conflicts_with = "user")]
    pub token: Option<String>,

    /// A user's name. The password comes from the variable CLEW_PASSWORD, else it is asked for.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,

    /// From one record of each signal to the next.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_duration)]
    pub interval: Duration,

    /// How long to go on. Default: until it is stopped (Ctrl-C, SIGTERM).
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub duration: Option<Duration>,

    /// From one line with the figures to the next.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    pub report: Duration,

    /// How long what was acknowledged is looked for before it counts as missing, and a server that does not answer at the
    /// end is waited for.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub wait: Option<Duration>,
}

/// Runs until it is told to end; answers the exit code.
pub(crate) fn run(args: &CanaryArgs) -> ExitCode {
    match watch(args) {
        Ok(outcomes) => tell_all(&outcomes),
        Err(error) => finish(Err(error)),
    }
}

fn watch(args: &CanaryArgs) -> Result<Vec<Outcome>, QueryError> {
    if args.interval < CANARY_LEAST_INTERVAL {
        return Err(QueryError::Usage(format!("--interval is at least {} ms", CANARY_LEAST_INTERVAL.as_millis())));
    }
    let common = CommonArgs {
        server: args.url.clone(),
        token: args.token.clone(),
        user: args.user.clone(),
        ..CommonArgs::default()
    };
    let server = Arc::new(Server::of(&common)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let canaries: Vec<Canary> = Kind::ALL
            .into_iter()
            .map(|kind| Canary::new(kind, Arc::clone(&server), args.interval, args.wait.unwrap_or(CANARY_WAIT)))
            .collect();
        say(&format!("canary {} at {}", canaries[0].run(), server.address()));
        let ledgers: Vec<_> = canaries.iter().map(Canary::ledger).collect();
        let told = async {
            loop {
                tokio::time::sleep(args.report.max(CANARY_LEAST_INTERVAL)).await;
                for ledger in &ledgers {
                    say(&ledger.lock().line());
                }
            }
        };
        let ends = async {
            tokio::select! {
                () = until(args.duration) => {}
                () = told => {}
                () = interrupted() => {}
            }
            stop.cancel();
        };
        let mut canaries = canaries.into_iter();
        let (Some(logs), Some(metrics), Some(traces)) = (canaries.next(), canaries.next(), canaries.next()) else {
            return Ok(Vec::new());
        };
        let (logs, metrics, traces, ()) =
            tokio::join!(logs.live(stop.clone()), metrics.live(stop.clone()), traces.live(stop.clone()), ends);
        Ok(vec![logs, metrics, traces])
    })
}

async fn until(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// Ctrl-C, or what service managers send.
async fn interrupted() {
    let term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    let Ok(mut term) = term else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term.recv() => {}
    }
}

fn tell_all(outcomes: &[Outcome]) -> ExitCode {
    let mut is_good = !outcomes.is_empty();
    for Outcome { line, faults } in outcomes {
        say(line);
        faults.iter().for_each(|fault| say(fault));
        is_good &= faults.is_empty();
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
