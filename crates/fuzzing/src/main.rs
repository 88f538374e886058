//! `clew-fuzzing seeds DIR` writes the inputs that corpora begin with below a folder; `clew-fuzzing run TARGET FILE…` runs
//! single inputs again, without cargo-fuzz.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["seeds", dir] => {
            for (target, number, bytes) in clew_fuzzing::seeds::all() {
                let dir = Path::new(dir).join(target);
                std::fs::create_dir_all(&dir).unwrap();
                std::fs::write(dir.join(format!("seed-{number:02}")), bytes).unwrap();
            }
        }
        ["run", target, files @ ..] => {
            for file in files {
                println!("{file}");
                clew_fuzzing::run(target, &std::fs::read(file).unwrap());
            }
        }
        _ => clew_fuzzing::TARGETS.iter().for_each(|target| println!("{}", target.name)),
    }
}
