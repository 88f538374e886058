//! Embeds the built web page: every file of `web/dist` as it is, with brotli and gzip variants made here, as a table in
//! `OUT_DIR/web_assets.rs`. Never runs npm. Without `web/dist` the table is empty and the server says how to build it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Bytes below which a compressed variant saves nothing worth a table entry.
const MIN_COMPRESSED: usize = 512;

/// The largest window of brotli (RFC 7932, 9.1) and its best quality.
const BROTLI_WINDOW: u32 = 24;
const BROTLI_QUALITY: u32 = 11;

fn main() -> io::Result<()> {
    let var = |name: &str| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(format!("no {name}")));
    let dist = var("CARGO_MANIFEST_DIR")?.join("../../web/dist");
    let out = var("OUT_DIR")?;
    println!("cargo::rerun-if-changed=build.rs");
    // A path that is not there would have this run at each build.
    if dist.is_dir() {
        println!("cargo::rerun-if-changed={}", dist.display());
    }
    fs::write(out.join("web_assets.rs"), table(&dist, &out)?)
}

/// The table's source; variants are written below `out`.
pub fn table(dist: &Path, out: &Path) -> io::Result<String> {
    let mut files = BTreeMap::new();
    if dist.is_dir() {
        collect(dist, "", &mut files)?;
    }
    let mut source = String::from("&[\n");
    for (number, (path, file)) in files.iter().enumerate() {
        let bytes = fs::read(file)?;
        let kind = content_type(path);
        let variants = if is_text(kind) && bytes.len() >= MIN_COMPRESSED {
            [("br", brotli(&bytes)?), ("gz", gzip(&bytes)?)]
        } else {
            [("br", Vec::new()), ("gz", Vec::new())]
        };
        let mut hash = DefaultHasher::new();
        bytes.hash(&mut hash);
        let file = file.canonicalize()?;
        write!(
            source,
            "Asset {{ path: {path:?}, content_type: {kind:?}, hash: \"{:016x}\", plain: include_bytes!({file:?})",
            hash.finish()
        )
        .map_err(io::Error::other)?;
        for (extension, variant) in variants {
            let field = if extension == "br" { "brotli" } else { "gzip" };
            if variant.is_empty() || variant.len() >= bytes.len() {
                write!(source, ", {field}: None").map_err(io::Error::other)?;
            } else {
                let at = out.join(format!("web_asset_{number}.{extension}"));
                fs::write(&at, &variant)?;
                write!(source, ", {field}: Some(include_bytes!({at:?}))").map_err(io::Error::other)?;
            }
        }
        source.push_str(" },\n");
    }
    source.push_str("]\n");
    Ok(source)
}

/// The files below a folder by their URL path, which begins with `/`.
fn collect(dir: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name =
            entry.file_name().into_string().map_err(|name| io::Error::other(format!("{name:?} is not UTF-8")))?;
        let path = format!("{prefix}/{name}");
        if entry.path().is_dir() {
            collect(&entry.path(), &path, files)?;
        } else {
            files.insert(path, entry.path());
        }
    }
    Ok(())
}

/// The media type by the file's extension.
fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("text/") || kind.contains("json") || kind.contains("svg") || kind.contains("wasm")
}

fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut out, 1 << 16, BROTLI_QUALITY, BROTLI_WINDOW);
    writer.write_all(bytes)?;
    drop(writer);
    Ok(out)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    writer.finish()
}
