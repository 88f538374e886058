//! The command line.

use crate::canary::CanaryArgs;
use crate::query::QueryCommand;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// One self-hosted program for logs, metrics and traces.
#[derive(Debug, Parser)]
#[command(name = "clew", version, about, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// What to do; without one, `serve`.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The options of `serve`.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server.
    Serve(ServeArgs),
    /// Start the server and fill it with a made-up system of agents that works, and fails now and then.
    ///
    /// Data goes to a temporary folder that is removed at the end, unless --data-dir names one.
    Demo(ServeArgs),
    /// Ask a running server.
    ///
    /// Exit code 0: answered, also when nothing was found. 1: nobody answered, or the server failed. 2: the query or an
    /// option cannot be understood.
    Query {
        /// What.
        #[command(subcommand)]
        command: Box<QueryCommand>,
    },
    /// Ask whether a server is ready; exit 1 if not. For health checks of containers.
    Health {
        /// The server, as in `query`.
        #[arg(long, value_name = "URL")]
        server: Option<String>,
    },
    /// Watch a running server: write numbered records of all three signals, read each back, tell what is missing.
    ///
    /// What is refused or not answered is sent again until it is acknowledged, so that the server may be restarted. Exit code 0:
    /// everything acknowledged is there, once and in order. 1: something is not, or could not be looked for.
    Canary(CanaryArgs),
    /// Name every fault of a configuration file with its line; exit 1 if any.
    ///
    /// Clew's own and a prometheus.yml: all that `serve` would tell, of the files they name too. Files of rules with their
    /// expressions, of targets, an alertmanager.yml, a dashboard of Grafana's, a web.yml: as far as the last line says.
    CheckConfig {
        /// The file.
        file: PathBuf,
    },
    /// Print the hash of a password, for `auth.users`.
    ///
    /// The password is typed, or comes as a line of standard input; never as an argument, which others could read.
    HashPassword,
    /// Make a token: print it and its digest, for `auth.tokens`.
    NewToken,
    /// Change who may use a server, running or not, beside those whom its configuration names.
    User {
        /// How.
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Change which tokens may be used.
    Token {
        /// How.
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Write the users and tokens that were made to a file, or take them from one.
    Catalog {
        /// Which of both.
        #[command(subcommand)]
        command: CatalogCommand,
    },
    /// Look at the log of who did what.
    Audit {
        /// How.
        #[command(subcommand)]
        command: AuditCommand,
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
pub(crate) enum Document {
    /// docs/configuration.md
    Configuration,
    /// The OpenAPI description.
    Openapi,
}

/// The options of `serve`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServeArgs {
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

/// Where the data of a server is.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DataArgs {
    /// The server's configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Its data, where the configuration does not say.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// `clew user`
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user; the password is typed, or comes as a line of standard input.
    Add {
        /// The name.
        name: String,
        /// What they may do: ingest, read, admin.
        #[arg(long, required = true, value_delimiter = ',')]
        scopes: Vec<String>,
        /// The tenants that they may use: names, or * for all. Default: default.
        #[arg(long = "tenant", value_name = "NAME", value_delimiter = ',')]
        tenants: Vec<String>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Give a user another password; sessions of the web page end.
    Password {
        /// The name.
        name: String,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Give a user other tenants.
    Tenants {
        /// The name.
        name: String,
        /// The tenants that they may use: names, or * for all.
        #[arg(long = "tenant", value_name = "NAME", required = true, value_delimiter = ',')]
        tenants: Vec<String>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Remove a user; sessions of the web page end.
    Remove {
        /// The name.
        name: String,
        #[command(flatten)]
        data: DataArgs,
    },
    /// All users: name, scopes, where from, tenants, apart by tabs.
    List {
        #[command(flatten)]
        data: DataArgs,
    },
}

/// `clew token`
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it; it cannot be shown again.
    Add {
        /// What it is called.
        name: String,
        /// What it may do: ingest, read, admin.
        #[arg(long, required = true, value_delimiter = ',')]
        scopes: Vec<String>,
        /// The tenants that it may use: names, or * for all. Default: default.
        #[arg(long = "tenant", value_name = "NAME", value_delimiter = ',')]
        tenants: Vec<String>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Remove a token.
    Remove {
        /// What it is called.
        name: String,
        #[command(flatten)]
        data: DataArgs,
    },
    /// All tokens: name, scopes, where from, tenants, apart by tabs.
    List {
        #[command(flatten)]
        data: DataArgs,
    },
}

/// `clew catalog`
#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Print users and tokens that were made as JSON, with their hashes, or write them to a new file.
    Export {
        /// The file.
        file: Option<PathBuf>,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Take such a file in, all of it or nothing. What is there of the same name is replaced, others stay.
    Import {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        data: DataArgs,
    },
}

/// `clew audit`
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no entry was changed or taken out; exit 1 and the first that was, if any.
    Verify {
        #[command(flatten)]
        data: DataArgs,
    },
}
