//! Those who may use the server, opened with it and closed after it; and the commands that change them.

use crate::cli::{AuditCommand, CatalogCommand, DataArgs, TokenCommand, UserCommand};
use crate::config::{Config, Loaded, Overrides, load};
use crate::secrets::read_password;
use crate::terminal::{complain, say};
use anyhow::{Context as _, Result, bail};
use clew_app::App;
use clew_app::access::{Access, AccessOptions, AuthMode, Book, Deed, May, Member, Members};
use clew_catalog::Catalog;
use clew_host::SystemClock;
use clew_model::{Scopes, TenantSet};
use clew_telemetry::{BuildInfo, Registry};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The catalog's folder, below the data directory.
const CATALOG: &str = "catalog";

/// Largest document that is taken in, bytes.
const IMPORT_BYTES: u64 = 64 << 20;

/// The members of a server that runs.
pub(crate) struct Opened {
    /// They themselves.
    pub members: Arc<Members>,
    keeper: JoinHandle<()>,
    stop: CancellationToken,
}

impl Opened {
    /// Opens those of the configuration and of the catalog; what commands change in it is seen from now on.
    ///
    /// # Errors
    /// A catalog of a newer Clew's.
    pub(crate) async fn open(config: &Config, book: Book, app: &Arc<App>) -> Result<Self> {
        let (clock, registry) = (Arc::clone(app.clock()), app.observer().registry());
        let (access, changes) =
            Access::new(config.auth.options(config.tenants.tenancy()), Book::default(), Arc::clone(&clock), registry);
        let (access, folder) = (Arc::new(access), config.storage.dir.join(CATALOG));
        let open = move || {
            let members = Members::open(&folder, access, clock, book)?;
            members.audit().record("clew", "server", Deed::Start, env!("CARGO_PKG_VERSION"));
            Ok::<_, clew_catalog::CatalogError>(Arc::new(members))
        };
        let members = tokio::task::spawn_blocking(open).await.context("the catalog could not be opened")??;
        if members.access().is_without_anybody() {
            let mode = config.auth.mode.as_str();
            tracing::warn!(
                "auth.mode is {mode}, and nobody is named who could use the server: `clew user add` names one"
            );
        }
        let stop = CancellationToken::new();
        let keeper = tokio::spawn(Arc::clone(&members).keep(changes, stop.clone()));
        Ok(Self { members, keeper, stop })
    }

    /// Writes down what is left.
    pub(crate) async fn close(self) {
        let members = self.members;
        let record = move || members.audit().record("clew", "server", Deed::Stop, "");
        let _ = tokio::task::spawn_blocking(record).await;
        self.stop.cancel();
        let _ = self.keeper.await;
    }
}

/// `clew user`
pub(crate) fn user(command: &UserCommand) -> ExitCode {
    finish(match command {
        UserCommand::Add { name, scopes, tenants, data } => on_members(data, |members, who| {
            let password = read_password().map_err(anyhow::Error::msg)?;
            let may = May { scopes: scopes_of(scopes)?, tenants: tenants_of(tenants)? };
            let detail = format!("{name}: {may}");
            members.add_user(name, &password, may, who)?;
            members.audit().record(who, "command", Deed::UserAdded, &detail);
            Ok(())
        }),
        UserCommand::Password { name, data } => on_members(data, |members, who| {
            let password = read_password().map_err(anyhow::Error::msg)?;
            members.change_user(name, Some(&password), None, None)?;
            members.audit().record(who, "command", Deed::UserChanged, &format!("{name}: another password"));
            Ok(())
        }),
        UserCommand::Tenants { name, tenants, data } => on_members(data, |members, who| {
            let tenants = tenants_of(tenants)?;
            members.change_user(name, None, None, Some(&tenants))?;
            members.audit().record(who, "command", Deed::UserChanged, &format!("{name}: in {tenants}"));
            Ok(())
        }),
        UserCommand::Remove { name, data } => on_members(data, |members, who| {
            members.remove_user(name)?;
            members.audit().record(who, "command", Deed::UserRemoved, name);
            Ok(())
        }),
        UserCommand::List { data } => on_members(data, |members, _| {
            list(&members.users()?);
            Ok(())
        }),
    })
}

/// `clew token`
pub(crate) fn token(command: &TokenCommand) -> ExitCode {
    finish(match command {
        TokenCommand::Add { name, scopes, tenants, data } => on_members(data, |members, who| {
            let may = May { scopes: scopes_of(scopes)?, tenants: tenants_of(tenants)? };
            let detail = format!("{name}: {may}");
            let token = members.add_token(name, may, who)?;
            members.audit().record(who, "command", Deed::TokenAdded, &detail);
            say(&token);
            Ok(())
        }),
        TokenCommand::Remove { name, data } => on_members(data, |members, who| {
            members.remove_token(name)?;
            members.audit().record(who, "command", Deed::TokenRemoved, name);
            Ok(())
        }),
        TokenCommand::List { data } => on_members(data, |members, _| {
            list(&members.tokens()?);
            Ok(())
        }),
    })
}

/// `clew catalog`
pub(crate) fn catalog(command: &CatalogCommand) -> ExitCode {
    finish(match command {
        CatalogCommand::Export { file, data } => on_members(data, |members, who| {
            let text = members.export()?;
            // Before it leaves: what is not written down is not handed out unseen.
            members.audit().record(who, "command", Deed::CatalogExported, "");
            match file {
                None => say(&text),
                Some(file) => write_private(file, &text).with_context(|| format!("cannot write {}", file.display()))?,
            }
            Ok(())
        }),
        CatalogCommand::Import { file, data } => on_members(data, |members, who| {
            let text = read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let (users, tokens) = members.import(&text)?;
            let detail = format!("{users} users, {tokens} tokens");
            members.audit().record(who, "command", Deed::CatalogImported, &detail);
            say(&detail);
            Ok(())
        }),
    })
}

/// `clew audit`
pub(crate) fn audit(command: &AuditCommand) -> ExitCode {
    let AuditCommand::Verify { data } = command;
    finish(open_catalog(data).and_then(|catalog| {
        let chain = catalog.verify()?;
        say(&format!("the audit log is whole: {} entries, the last has the hash {}", chain.entries, chain.head));
        Ok(())
    }))
}

fn finish(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn on_members(data: &DataArgs, run: impl FnOnce(&Members, &str) -> Result<()>) -> Result<()> {
    let config = config(data)?;
    let folder = catalog_folder(&config)?;
    let book = config.auth.book(&mut Vec::new()).unwrap_or_default();
    let registry = Registry::new(BuildInfo { version: env!("CARGO_PKG_VERSION"), revision: "unknown" });
    let clock = Arc::new(SystemClock::new());
    let (access, _) =
        Access::new(AccessOptions::of(AuthMode::None), Book::default(), Arc::clone(&clock) as _, &registry);
    let members = Members::open(&folder, Arc::new(access), clock, book)?;
    let who = format!("uid {}", rustix::process::getuid().as_raw());
    run(&members, &who)
}

fn open_catalog(data: &DataArgs) -> Result<Catalog> {
    Ok(Catalog::open(&catalog_folder(&config(data)?)?)?)
}

fn config(data: &DataArgs) -> Result<Config> {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let overrides = Overrides { data_dir: data.data_dir.clone(), ..Overrides::default() };
    match load(data.config.as_deref(), &environment, &overrides) {
        Ok(Loaded { config, .. }) => Ok(config),
        Err(faults) => {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            bail!("the configuration is not usable:\n{}", lines.join("\n"))
        }
    }
}

/// A folder that the server has made: a command makes none, a typing error in its name would go unseen.
fn catalog_folder(config: &Config) -> Result<PathBuf> {
    let folder = config.storage.dir.join(CATALOG);
    if !folder.is_dir() {
        bail!(
            "there is no catalog at {}; start the server once, or name its data with --data-dir or --config",
            folder.display()
        );
    }
    Ok(folder)
}

fn scopes_of(words: &[String]) -> Result<Scopes> {
    words.iter().try_fold(Scopes::NONE, |all, word| {
        let known = Scopes::NAMED.into_iter().find(|(name, _)| name == word).map(|(_, scope)| all | scope);
        known.with_context(|| format!("{word:?} is none of the scopes ingest, read, admin"))
    })
}

fn tenants_of(words: &[String]) -> Result<TenantSet> {
    let read = TenantSet::parse(words.iter().map(String::as_str));
    read.map_err(|word| {
        anyhow::anyhow!("{word:?} is no tenant: a name has 1 to 64 of a-z, A-Z, 0-9, - and _; * is all")
    })
}

fn list(members: &[Member]) {
    for Member { name, scopes, tenants, made } in members {
        let by = made.as_ref().map_or("configuration".to_owned(), |(_, by)| format!("made by {by}"));
        // Where nobody has any there is no column of them.
        let own = if members.iter().all(|member| member.tenants == TenantSet::default()) {
            String::new()
        } else {
            format!("\t{}", tenants.words().join(","))
        };
        say(&format!("{name}\t{}\t{by}{own}", scopes.names().join(",")));
    }
}

/// A file of hashes is for nobody else's eyes, and takes nobody's place.
fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()
}

fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(file)?.take(IMPORT_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
