//! How each kind of value is read. A fault is reported at the value and the default stays.

use super::{Address, Config, Memory};
use clew_app::Network;
use clew_config::yaml::Value;
use clew_telemetry::logs::LogFormat;
use regex::Regex;
use std::path::PathBuf;
use std::time::Duration;

/// Powers of 1000 or 1024: `KB` is 1000 bytes here, `KiB` 1024.
const DECIMAL: u32 = 1000;

pub(super) fn address(value: &Value<'_>, into: &mut Address) {
    set(into, value.parsed(Address::parse, "write a host and a port, such as 127.0.0.1:4300"));
}

pub(super) fn flag(value: &Value<'_>, into: &mut bool) {
    set(into, value.bool());
}

pub(super) fn text(value: &Value<'_>, into: &mut String) {
    set(into, value.filled_text().map(str::to_owned));
}

pub(super) fn texts(value: &Value<'_>, into: &mut Vec<String>) {
    *into = value.items().iter().filter_map(|item| item.filled_text().map(str::to_owned)).collect();
}

/// Origins as browsers name them: scheme, host, port where it is not the scheme's own.
pub(super) fn origins(value: &Value<'_>, into: &mut Vec<String>) {
    let origin = |item: &Value<'_>| {
        item.parsed(origin, "write it as https://shop.example or http://localhost:3000; each is named")
    };
    *into = value.items().iter().filter_map(origin).collect();
}

/// Networks by the address and how many of its bits count.
pub(super) fn networks(value: &Value<'_>, into: &mut Vec<Network>) {
    let network = |item: &Value<'_>| item.parsed(str::parse, "write it as 10.0.0.0/8, fd00::/8 or 192.0.2.7");
    *into = value.items().iter().filter_map(network).collect();
}

/// Names of hosts, `*.` before them for all below.
pub(super) fn hosts(value: &Value<'_>, into: &mut Vec<String>) {
    let host =
        |item: &Value<'_>| item.parsed(host, "write it as clew.example.com or *.example.com, without scheme and port");
    *into = value.items().iter().filter_map(host).collect();
}

fn host(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let labels = name.strip_prefix("*.").unwrap_or(&name).split('.');
    let is_name =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if labels.clone().all(is_name) { Ok(name) } else { Err(format!("{text:?} is no name of a host")) }
}

fn origin(text: &str) -> Result<String, String> {
    let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or("it does not begin with http:// or https://")?;
    let is_host = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c));
    if is_host { Ok(text) } else { Err(format!("{host:?} is no host")) }
}

pub(super) fn patterns(value: &Value<'_>, into: &mut Vec<Regex>) {
    let compile = |item: &Value<'_>| {
        item.parsed(
            |text| Regex::new(text).map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned()),
            "write a regular expression without look-around or back-references",
        )
    };
    *into = value.items().iter().filter_map(compile).collect();
}

pub(super) fn path(value: &Value<'_>, into: &mut PathBuf) {
    set(into, value.file_path());
}

/// A file that is there when the server starts.
pub(super) fn file(value: &Value<'_>, into: &mut Option<PathBuf>) {
    if let Some(path) = value.mentioned_file() {
        *into = Some(path);
    }
}

pub(super) fn duration(value: &Value<'_>, into: &mut Duration) {
    match value.duration() {
        Some(Duration::ZERO) => value.fault("is zero", "write a duration such as 60s"),
        read => set(into, read),
    }
}

/// A duration from which on something is told: `0` tells everything, `off` nothing.
pub(super) fn threshold(value: &Value<'_>, into: &mut Option<Duration>) {
    if value.text().is_some_and(|text| ["off", "false"].contains(&text.to_ascii_lowercase().as_str())) {
        *into = None;
    } else if let Some(least) = value.duration() {
        *into = Some(least);
    }
}

/// A duration, or for ever.
pub(super) fn age(value: &Value<'_>, into: &mut Option<Duration>) {
    if is_unlimited(value) {
        *into = None;
    } else if let Some(age) = value.duration() {
        if age < Duration::from_secs(3600) {
            value.fault("is less than an hour", "write a duration such as 30d, or `unlimited`");
        } else {
            *into = Some(age);
        }
    }
}

/// A size, or as much as there is.
pub(super) fn size(value: &Value<'_>, into: &mut Option<u64>) {
    if is_unlimited(value) {
        *into = None;
    } else if let Some(size) = value.size(DECIMAL) {
        if size == 0 {
            value.fault("is zero", "write a size such as 50GiB, or `unlimited`");
        } else {
            *into = Some(size);
        }
    }
}

fn is_unlimited(value: &Value<'_>) -> bool {
    matches!(&value.node().content, clew_config::yaml::Content::Scalar(text) if text == "unlimited")
}

pub(super) fn bytes(value: &Value<'_>, into: &mut usize) {
    match value.size(DECIMAL).map(usize::try_from) {
        Some(Ok(size)) if size >= 1024 => *into = size,
        Some(_) => value.fault("is less than 1 KiB", "write a size such as 64MiB"),
        None => {}
    }
}

pub(super) fn count(value: &Value<'_>, into: &mut Option<usize>) {
    match value.count().map(usize::try_from) {
        Some(Ok(count)) if (1..=1024).contains(&count) => *into = Some(count),
        Some(_) => value.fault("is not between 1 and 1024", "write how many may run at once"),
        None => {}
    }
}

/// How many of something, one at least.
pub(super) fn amount(value: &Value<'_>, into: &mut Option<usize>) {
    match value.count().map(usize::try_from) {
        Some(Ok(amount)) if amount > 0 => *into = Some(amount),
        Some(_) => value.fault("is zero or beyond what can be counted", "write a number such as 1000000"),
        None => {}
    }
}

pub(super) fn memory(value: &Value<'_>, into: &mut Memory) {
    let Some(text) = value.filled_text() else { return };
    let Some(percent) = text.strip_suffix('%') else {
        set(into, value.size(DECIMAL).map(Memory::Bytes));
        return;
    };
    match percent.trim().parse::<f64>() {
        Ok(percent) if (1.0..=90.0).contains(&percent) => *into = Memory::Share(percent / 100.0),
        _ => value.fault("is not between 1% and 90%", "write a percentage such as 25%, or a size such as 2GiB"),
    }
}

pub(super) fn log_format(value: &Value<'_>, config: &mut Config) {
    set(&mut config.log_format, value.choice(&[("human", LogFormat::Human), ("json", LogFormat::Json)]));
}

/// A key of a capability that is not built yet: it does nothing, and says so.
pub(super) fn later(value: &Value<'_>, capability: &str) {
    value.warn(format!("does nothing yet: {capability} is not built"), "");
}

fn set<T>(into: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *into = value;
    }
}
