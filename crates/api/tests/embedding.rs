//! The table that build.rs makes of a built page.

#![allow(clippy::unwrap_used, dead_code, missing_docs)]

#[path = "../build.rs"]
mod build;

use std::fs;
use std::io::Read as _;

#[test]
fn every_file_is_in_the_table_with_variants_that_hold_the_same_bytes() {
    let (dist, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let script = "console.log('clew');\n".repeat(200);
    fs::create_dir_all(dist.path().join("_app/immutable")).unwrap();
    fs::write(dist.path().join("_app/immutable/start.js"), &script).unwrap();
    fs::write(dist.path().join("index.html"), "<!doctype html>").unwrap();
    fs::write(dist.path().join("icon.png"), vec![7u8; 4096]).unwrap();
    let table = build::table(dist.path(), out.path()).unwrap();

    let paths: Vec<&str> = table.lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(paths, ["/_app/immutable/start.js", "/icon.png", "/index.html"]);
    let row = |path: &str| table.lines().find(|line| line.contains(path)).unwrap();
    assert!(row("start.js").contains("text/javascript") && row("start.js").contains("brotli: Some("));
    // An image is compressed already, and a page this small is not worth it.
    assert!(row("icon.png").contains("image/png") && row("icon.png").contains("gzip: None"));
    assert!(row("index.html").contains("brotli: None"));

    let mut unzipped = String::new();
    let gz = fs::read(out.path().join("web_asset_0.gz")).unwrap();
    flate2::read::GzDecoder::new(&gz[..]).read_to_string(&mut unzipped).unwrap();
    let mut unbrotlied = String::new();
    let br = fs::read(out.path().join("web_asset_0.br")).unwrap();
    brotli::Decompressor::new(&br[..], 4096).read_to_string(&mut unbrotlied).unwrap();
    assert_eq!((unzipped.as_str(), unbrotlied.as_str()), (script.as_str(), script.as_str()));
    assert!(br.len() < gz.len());
}

#[test]
fn without_a_built_page_the_table_is_empty() {
    let out = tempfile::tempdir().unwrap();
    assert_eq!(build::table(&out.path().join("dist"), out.path()).unwrap(), "&[\n]\n");
}
