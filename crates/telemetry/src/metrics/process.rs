//! What the kernel says about this process, read from `/proc` at each rendering (proc(5)).

use std::fs;

use super::table::{self, Descriptor};
use super::writer::Writer;

/// Clock ticks a second in `/proc/self/stat`: `USER_HZ`, fixed at 100 by the kernel's interface on every platform
/// that Clew is built for.
const TICKS_PER_SECOND: f64 = 100.0;

/// Whether the metric is written here and not kept in the registry.
pub(super) fn owns(descriptor: &Descriptor) -> bool {
    descriptor.name.starts_with("process_")
}

/// Resident memory of this process in bytes; `None` without a `/proc`.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    // Whole numbers below 2⁵³.
    kibibytes(&status, "VmRSS:").map(|bytes| bytes as u64)
}

/// Writes what could be read; what could not, such as without a `/proc`, is left out.
pub(super) fn write(writer: &mut Writer) {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let stat = Stat::parse(&read("/proc/self/stat"));
    let status = read("/proc/self/status");
    let start = stat.as_ref().and_then(|stat| {
        let boot = after(&read("/proc/stat"), "btime ")?;
        Some(boot + stat.start_ticks / TICKS_PER_SECOND)
    });
    let open = fs::read_dir("/proc/self/fd").ok();
    let cpu = stat.as_ref().map(|stat| stat.cpu_ticks / TICKS_PER_SECOND);
    let rows = [
        (&table::PROCESS_CPU.0, cpu),
        (&table::PROCESS_RESIDENT.0, kibibytes(&status, "VmRSS:")),
        (&table::PROCESS_VIRTUAL.0, kibibytes(&status, "VmSize:")),
        // The listing itself holds one.
        (&table::PROCESS_OPEN_FDS.0, open.map(|fds| fds.count().saturating_sub(1) as f64)),
        (&table::PROCESS_MAX_FDS.0, after(&read("/proc/self/limits"), "Max open files")),
        (&table::PROCESS_START.0, start),
        (&table::PROCESS_THREADS.0, after(&status, "Threads:")),
    ];
    for (descriptor, value) in rows {
        if let Some(value) = value {
            writer.family(descriptor);
            writer.value(descriptor.name, &[], value);
        }
    }
}

#[derive(Debug, PartialEq)]
struct Stat {
    cpu_ticks: f64,
    start_ticks: f64,
}

impl Stat {
    /// Fields 14, 15 and 22. The second is the program's name in brackets and may hold anything, brackets too.
    fn parse(stat: &str) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self { cpu_ticks: field(14)? + field(15)?, start_ticks: field(22)? })
    }
}

fn kibibytes(status: &str, name: &str) -> Option<f64> {
    Some(after(status, name)? * 1024.0)
}

/// The first number after `name` in the line that begins with it.
fn after(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_stat_are_counted_from_the_last_bracket() {
        let stat = "812 (a ) b) S 1 812 812 0 -1 4194560 9 0 3 0 250 50 7 7 20 0 11 0 6421 99 12 18446744073709551615";
        let expected = Stat { cpu_ticks: 300.0, start_ticks: 6421.0 };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert_eq!(Stat::parse("812 (short) S 1"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn named_numbers() {
        let status = "Name:\tclew\nVmSize:\t  9000 kB\nVmRSS:\t    1234 kB\nThreads:\t7\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(1_263_616.0));
        assert_eq!(after(status, "Threads:"), Some(7.0));
        assert_eq!(after(status, "VmSwap:"), None);
        let limits = "Max open files            1024                 524288               files\n";
        assert_eq!(after(limits, "Max open files"), Some(1024.0));
        assert_eq!(after("Max open files  unlimited", "Max open files"), None);
    }
}
