//! Checks for the workspace, run by CI: `cargo xtask layers`, `cargo xtask tidy`.

mod layers;
mod tidy;

use anyhow::{Context, Result, bail};
use std::path::Path;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies below the workspace root")?;
    match std::env::args().nth(1).as_deref() {
        Some("layers") => layers::check(root),
        Some("tidy") => tidy::check(root),
        other => {
            bail!("unknown task {other:?}; there are: layers (who may import whom), tidy (manifests and file sizes)")
        }
    }
}
