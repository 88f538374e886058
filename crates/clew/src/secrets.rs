//! `clew hash-password`, `clew new-token`: what stands in `auth`.

use crate::EXIT_USAGE;
use crate::terminal::{complain, say};
use clew_app::access::{TokenDigest, hash_password, new_token};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _, stdin};
use std::process::ExitCode;

/// Longest line that is read, bytes.
const LINE_BYTES: u64 = 64 << 10;

/// Reads a password from the terminal, twice, or a line of standard input; prints its hash. Never from the command line:
/// every process of the machine can read that.
pub(crate) fn hash() -> ExitCode {
    let password = match read_password() {
        Ok(password) => password,
        Err(problem) => {
            complain(&problem);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match hash_password(&password) {
        Ok(hash) => {
            say(&hash);
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

/// Prints a new token and its digest.
pub(crate) fn token() -> ExitCode {
    match new_token() {
        Ok(token) => {
            say(&format!("token:  {token}\ndigest: {}", TokenDigest::of(&token)));
            if std::io::stdout().is_terminal() {
                complain(
                    "give the token to the program and write the digest into auth.tokens; the token cannot be shown again",
                );
            }
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

/// A password: typed twice without being shown, or the first line of what is piped in.
pub(crate) fn read_password() -> Result<String, String> {
    if !stdin().is_terminal() {
        return read_line();
    }
    let password = ask("Password: ")?;
    if ask("The same again: ")? != password {
        return Err("the two differ".to_owned());
    }
    Ok(password)
}

/// A password that is typed once.
pub(crate) fn ask_once() -> Result<String, String> {
    if stdin().is_terminal() { ask("Password: ") } else { Err("nobody can be asked for a password".to_owned()) }
}

fn ask(prompt: &str) -> Result<String, String> {
    let mut terminal = std::io::stderr();
    let _ = write!(terminal, "{prompt}").and_then(|()| terminal.flush());
    let _quiet = Quiet::new()?;
    let line = read_line();
    let _ = writeln!(terminal);
    line
}

fn read_line() -> Result<String, String> {
    let mut bytes = Vec::new();
    stdin().lock().take(LINE_BYTES).read_until(b'\n', &mut bytes).map_err(|error| format!("cannot read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "the password is no UTF-8".to_owned())?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// A terminal that does not show what is typed, as long as this lives.
struct Quiet(Termios);

impl Quiet {
    fn new() -> Result<Self, String> {
        let was = tcgetattr(stdin()).map_err(|error| format!("cannot ask the terminal: {error}"))?;
        let mut quiet = was.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Flush, &quiet)
            .map_err(|error| format!("cannot ask the terminal: {error}"))?;
        Ok(Self(was))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.0);
    }
}
