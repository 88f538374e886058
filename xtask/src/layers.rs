//! Who may import whom: the table of docs/architecture.md, compared with what cargo says.

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Which of our crates a crate may import outside its tests.
const EDGES: &[(&str, &[&str])] = &[
    ("clew-model", &[]),
    ("clew-columns", &["clew-model"]),
    ("clew-query", &["clew-model"]),
    ("clew-codec", &["clew-model"]),
    ("clew-config", &["clew-model"]),
    ("clew-host", &[]),
    ("clew-telemetry", &[]),
    ("clew-journal", &["clew-host", "clew-telemetry"]),
    ("clew-logstore", &["clew-model", "clew-columns", "clew-host", "clew-telemetry"]),
    ("clew-kvstore", &["clew-model", "clew-columns", "clew-host", "clew-telemetry"]),
    ("clew-catalog", &["clew-model"]),
    (
        "clew-app",
        &[
            "clew-model",
            "clew-columns",
            "clew-query",
            "clew-codec",
            "clew-config",
            "clew-host",
            "clew-telemetry",
            "clew-journal",
            "clew-logstore",
            "clew-kvstore",
            "clew-catalog",
        ],
    ),
    ("clew-api", &["clew-app", "clew-codec", "clew-model", "clew-query", "clew-telemetry"]),
    (
        "clew",
        &[
            "clew-model",
            "clew-columns",
            "clew-query",
            "clew-codec",
            "clew-config",
            "clew-host",
            "clew-telemetry",
            "clew-journal",
            "clew-logstore",
            "clew-kvstore",
            "clew-catalog",
            "clew-app",
            "clew-api",
        ],
    ),
];

/// Crates that are never shipped: they may import anything, nothing may import them.
const DEVELOPMENT: &[&str] = &["clew-fuzzing", "clew-testkit", "xtask"];

/// External crates that pure code may use: no I/O, no clock, no async in any of them.
const PURE: &[&str] = &[
    "base64",
    "compact_str",
    "crc32fast",
    "hashbrown",
    "itoa",
    "jiff",
    "md-5",
    "memchr",
    "pco",
    "regex",
    "regex-syntax",
    "ryu",
    "saphyr-parser",
    "serde",
    "serde_json",
    "thiserror",
    "sha2",
    "xxhash-rust",
    "zstd",
];

/// External crates of floor 1 beyond the pure ones: synchronous disk work.
const DISK: &[&str] =
    &["fastrand", "parking_lot", "roaring", "rusqlite", "rustix", "tantivy", "tracing", "tracing-subscriber"];

/// External crates of floor 2 beyond those: async and HTTP clients.
const ASYNC: &[&str] = &[
    "arc-swap",
    "argon2",
    "bytes",
    "futures-util",
    "getrandom",
    "hickory-resolver",
    "http",
    "hyper-util",
    "openidconnect",
    "reqwest",
    "rustls",
    "tokio",
    "tokio-util",
];

/// External crates of floor 3 beyond those: HTTP and gRPC servers.
const NETWORK: &[&str] = &[
    "axum",
    "flate2",
    "http",
    "http-body-util",
    "hyper",
    "hyper-util",
    "opentelemetry-proto",
    "prost",
    "rust-embed",
    "snap",
    "tokio-rustls",
    "tokio-stream",
    "tonic",
    "tower",
    "tower-http",
    "utoipa",
];

/// External crates of floor 4 beyond those: the command line.
const BINARY: &[&str] = &["anyhow", "clap", "signal-hook"];

/// The floor of each crate.
fn floor(name: &str) -> Option<usize> {
    Some(match name {
        "clew-model" | "clew-columns" | "clew-query" | "clew-codec" | "clew-config" => 0,
        "clew-host" | "clew-telemetry" | "clew-journal" | "clew-logstore" | "clew-kvstore" | "clew-catalog" => 1,
        "clew-app" => 2,
        "clew-api" => 3,
        "clew" => 4,
        _ => return None,
    })
}

/// Checks every edge of the workspace.
pub(crate) fn check(root: &Path) -> Result<()> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let faults = faults(&metadata);
    if faults.is_empty() {
        println!("layers: {} crates keep to their floors", metadata.packages.len());
        return Ok(());
    }
    bail!("{}\nA new edge is a change of architecture: see docs/architecture.md", faults.join("\n"))
}

fn faults(metadata: &Metadata) -> Vec<String> {
    let edges: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    metadata.packages.iter().flat_map(|package| package_faults(package, &edges)).collect()
}

fn package_faults(package: &Package, edges: &BTreeMap<&str, &[&str]>) -> Vec<String> {
    let name = package.name.as_str();
    if DEVELOPMENT.contains(&name) {
        return Vec::new();
    }
    let (Some(floor), Some(internal)) = (floor(name), edges.get(name)) else {
        return vec![format!("{name} stands on no floor; give it one in xtask/src/layers.rs")];
    };
    let lists = [PURE, DISK, ASYNC, NETWORK, BINARY];
    let external: BTreeSet<&str> = lists.iter().take(floor + 1).flat_map(|list| list.iter().copied()).collect();
    let imports = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    imports
        .filter_map(|dependency| {
            let import = dependency.name.as_str();
            let ours = import == "clew" || import.starts_with("clew-");
            let allowed = if ours { internal.contains(&import) } else { external.contains(import) };
            (!allowed).then(|| format!("{name} (floor {floor}) may not import {import}"))
        })
        .collect()
}
