//! Text for whoever sits at the terminal. The other end of a pipe may be gone (`| head`): that changes neither what
//! happened nor the exit code, so nothing here fails, where `println!` and `eprintln!` would panic.

use std::fmt::Display;
use std::io::Write as _;

/// Says a line of the answer, on standard output.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Says why a command failed, on standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// How many of a thing, in words, the plural made by an s: `1 log`, `2 logs`.
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str) -> String {
    format!("{count} {one}{}", if count == N::from(1) { "" } else { "s" })
}
