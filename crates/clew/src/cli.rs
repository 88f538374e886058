//! The command line.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// One self-hosted program for logs, metrics and traces.
#[derive(Debug, Parser)]
#[command(name = "clew", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; without one, `serve`.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The options of `serve`.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server.
    Serve(ServeArgs),
    /// Name every fault of a configuration file (Clew's own or a prometheus.yml) with its line; exit 1 if any.
    CheckConfig {
        /// The file.
        file: PathBuf,
    },
    /// Print a document that is generated from the code.
    #[command(hide = true)]
    Docs {
        /// Which.
        document: Document,
    },
}

/// A document that is generated from the code.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Document {
    /// docs/configuration.md
    Configuration,
    /// The OpenAPI description.
    Openapi,
}

/// The options of `serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// The configuration file (YAML); without one, defaults.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where everything is kept.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// The host of all listeners.
    #[arg(long, value_name = "HOST")]
    pub listen: Option<String>,

    /// Also open the ports of the replaced systems whose protocols are built: 9090 (Prometheus).
    #[arg(long)]
    pub drop_in: bool,
}
