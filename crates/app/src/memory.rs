//! How much memory the machine or the container has, and how it is shared out.

use std::path::Path;

/// Memory when nothing can be read: small enough for any machine.
const FALLBACK_BYTES: u64 = 2 << 30;

/// What the labels and postings of an active series take, with room for long ones; they share an eighth of the budget.
const SERIES_BYTES: u64 = 512;

/// Most of a hot tail of logs or spans that waits for a seal: as much again is held by the seal, and what a merge holds
/// beside does not grow with it. More makes ingest no cheaper by more than a few per cent.
const MOST_HOT_BYTES: u64 = 32 << 20;

/// Active series however small the budget: a host's own exporters have thousands.
const LEAST_SERIES: usize = 10_000;

/// Shares of the budget (`limits.memory`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryShares {
    /// The whole budget.
    pub total: u64,
    /// Hot log records at which they are sealed.
    pub logs_hot: u64,
    /// Hot samples at which they are sealed.
    pub metrics_hot: u64,
    /// Hot spans at which they are sealed.
    pub traces_hot: u64,
    /// One query.
    pub query: u64,
    /// Active series, at [`SERIES_BYTES`] each.
    pub series: usize,
    /// Request bodies of ingest that are held at once, as they came, decompressed and decoded.
    pub bodies: u64,
}

impl MemoryShares {
    /// Shares out a budget. The hot tails may each grow to four times their share before writers wait, so together
    /// they take at most about half of it.
    #[must_use]
    pub fn of(total: u64) -> Self {
        let share = |part: u64, most: u64| (total / part).clamp(1 << 20, most);
        Self {
            total,
            logs_hot: share(32, MOST_HOT_BYTES),
            metrics_hot: share(24, 256 << 20),
            traces_hot: share(32, MOST_HOT_BYTES),
            query: share(8, 2 << 30),
            series: usize::try_from(total / 8 / SERIES_BYTES).unwrap_or(usize::MAX).max(LEAST_SERIES),
            bodies: share(8, 1 << 30),
        }
    }
}

/// Bytes of memory this process may use: the smallest of the machine's memory and the limits of its cgroups (v2, v1).
#[must_use]
pub fn available_memory() -> u64 {
    let limits = [
        machine(),
        cgroup(Path::new("/sys/fs/cgroup/memory.max")),
        cgroup(Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes")),
    ];
    limits.into_iter().flatten().filter(|bytes| *bytes > 0).min().unwrap_or(FALLBACK_BYTES)
}

fn machine() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    meminfo_total(&text)
}

fn meminfo_total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// `max`, or a number that v1 writes for "no limit", is no limit.
fn cgroup(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_read_from_meminfo() {
        assert_eq!(meminfo_total("MemFree: 1 kB\nMemTotal:       24689764 kB\n"), Some(24_689_764 * 1024));
        assert_eq!(meminfo_total("nothing"), None);
    }

    #[test]
    fn request_bodies_take_an_eighth_of_the_budget_within_bounds() {
        for (total, bodies) in [(64 << 20, 8 << 20), (4u64 << 30, 512 << 20), (64 << 30, 1 << 30), (0, 1 << 20)] {
            assert_eq!(MemoryShares::of(total).bodies, bodies, "{total}");
        }
    }

    #[test]
    fn series_share_an_eighth_of_the_budget() {
        for (total, series) in [(1 << 20, 10_000), (1 << 30, 262_144), (6u64 << 30, 1_572_864)] {
            assert_eq!(MemoryShares::of(total).series, series, "{total}");
        }
    }

    #[test]
    fn hot_tails_never_take_more_than_about_half_the_budget() {
        for total in [64 << 20, 512 << 20, 6u64 << 30, 64 << 30] {
            let shares = MemoryShares::of(total);
            let hot = (shares.logs_hot + shares.metrics_hot + shares.traces_hot) * 4;
            assert!(hot <= total * 6 / 10, "{total}: {hot}");
        }
    }
}
