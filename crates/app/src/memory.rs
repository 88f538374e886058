//! How much memory the machine or the container has, and how it is shared out.

use clew_model::MemoryShare;
use std::path::{Path, PathBuf};

/// Memory when nothing can be read: small enough for any machine.
const FALLBACK_BYTES: u64 = 2 << 30;

/// What the labels and postings of an active series take, with room for long ones; they share an eighth of the budget.
const SERIES_BYTES: u64 = 512;

/// Most of a hot tail of logs or spans that waits for a seal: as much again is held by the seal, and what a merge holds
/// beside does not grow with it. More makes ingest no cheaper by more than a few per cent.
const MOST_HOT_BYTES: u64 = 32 << 20;

/// Active series however small the budget: a host's own exporters have thousands.
const LEAST_SERIES: usize = 10_000;

/// What answers and scraped pages may take however small the budget.
const LEAST_SHARE: u64 = 4 << 20;

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
    /// All queries under way together, what they answer included until it is written.
    pub queries: u64,
    /// Answers that were written and not yet sent.
    pub answers: u64,
    /// Scraped pages and lists of targets, as they come and decoded.
    pub scraping: u64,
    /// What stores keep of what they read.
    pub caches: u64,
    /// Active series, at [`SERIES_BYTES`] each.
    pub series: usize,
    /// Request bodies of ingest that are held at once, as they came, decompressed and decoded.
    pub bodies: u64,
}

/// The shares that are taken from as outside data comes and goes. Hot tails and caches are bounded where they are held.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Request bodies of ingest, as they came, decompressed and decoded.
    pub ingest: MemoryShare,
    /// All queries under way.
    pub queries: MemoryShare,
    /// Answers that were written and not yet sent.
    pub answers: MemoryShare,
    /// Scraped pages and lists of targets.
    pub scraping: MemoryShare,
}

impl Memory {
    /// Shares of these sizes, nothing taken yet.
    #[must_use]
    pub fn new(shares: &MemoryShares) -> Self {
        Self {
            ingest: MemoryShare::new(shares.bodies),
            queries: MemoryShare::new(shares.queries),
            answers: MemoryShare::new(shares.answers),
            scraping: MemoryShare::new(shares.scraping),
        }
    }
}

/// What a share of the memory is, may be, and is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareUse {
    /// Its name: `ingest`, `hot`, `queries`, `answers`, `scraping`, `caches`.
    pub name: &'static str,
    /// Bytes that it may hold.
    pub limit: u64,
    /// Bytes that it holds.
    pub used: u64,
}

impl MemoryShares {
    /// Shares out a budget. The hot tails may each grow to three times their share before writers wait, so together
    /// they take at most about a third of it.
    #[must_use]
    pub fn of(total: u64) -> Self {
        let share = |part: u64, most: u64| (total / part).clamp(1 << 20, most);
        Self {
            total,
            logs_hot: share(32, MOST_HOT_BYTES),
            metrics_hot: share(24, 256 << 20),
            traces_hot: share(32, MOST_HOT_BYTES),
            query: share(8, 2 << 30),
            queries: share(4, 8 << 30),
            answers: share(16, 1 << 30).max(LEAST_SHARE),
            scraping: share(16, 1 << 30).max(LEAST_SHARE),
            caches: share(16, 1 << 30),
            series: usize::try_from(total / 8 / SERIES_BYTES).unwrap_or(usize::MAX).max(LEAST_SERIES),
            bodies: share(4, 2 << 30),
        }
    }
}

/// Bytes of memory this process may use: the smallest of the machine's memory and the limits of the cgroups (v2, v1) that the
/// process is in, itself and those around it (systemd's `MemoryMax`, containers in containers).
#[must_use]
pub fn available_memory() -> u64 {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(Path::new("/sys/fs/cgroup"), &own).into_iter().filter_map(|path| cgroup(&path));
    limits.chain(machine()).filter(|bytes| *bytes > 0).min().unwrap_or(FALLBACK_BYTES)
}

/// The files with the limits of the cgroups that `own` (the text of `/proc/self/cgroup`, cgroups(7)) names, up to the
/// root. A container may see its own cgroup as the root while `own` tells its place on the host: what is not there is
/// passed over, and the root is always among them.
fn limit_files(root: &Path, own: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (base, file) = match controllers {
            "" => (root.to_owned(), V2_LIMIT),
            _ if controllers.split(',').any(|one| one == "memory") => (root.join("memory"), V1_LIMIT),
            _ => continue,
        };
        // A cgroup outside of what the process sees is written with `..` (cgroup_namespaces(7)).
        let below = path.trim_start_matches('/');
        let steps = Path::new(below).ancestors().filter(|path| !path.as_os_str().is_empty());
        let seen = steps.filter(|path| !path.components().any(|part| part == std::path::Component::ParentDir));
        files.extend(seen.map(|path| base.join(path).join(file)));
    }
    // Both trees may stand beside each other, and version 2 below `unified`.
    let unified: Vec<PathBuf> =
        files.iter().filter_map(|path| Some(root.join("unified").join(path.strip_prefix(root).ok()?))).collect();
    files.extend(unified);
    files.extend([root.join(V2_LIMIT), root.join("memory").join(V1_LIMIT)]);
    files
}

/// The file with a cgroup's limit, by version.
const V2_LIMIT: &str = "memory.max";
const V1_LIMIT: &str = "memory.limit_in_bytes";

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
    use crate::limits::HOT_HARD_FACTOR;

    #[test]
    fn the_machines_memory_is_read_from_meminfo() {
        assert_eq!(meminfo_total("MemFree: 1 kB\nMemTotal:       24689764 kB\n"), Some(24_689_764 * 1024));
        assert_eq!(meminfo_total("nothing"), None);
    }

    #[test]
    fn the_limits_of_the_own_cgroup_and_of_those_around_it_count() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        let least = |own: &str| limit_files(root.path(), own).iter().filter_map(|path| cgroup(path)).min();
        // systemd: the service is limited, a slice around it, the root of version 2 has no file.
        write("system.slice/clew.service/memory.max", "max\n");
        write("system.slice/memory.max", "1073741824\n");
        assert_eq!(least("0::/system.slice/clew.service\n"), Some(1 << 30));
        write("system.slice/clew.service/memory.max", "536870912\n");
        assert_eq!(least("0::/system.slice/clew.service\n"), Some(512 << 20));
        assert_eq!(least("0::/system.slice/other.service\n"), Some(1 << 30));
        assert_eq!(least("0::/user.slice\n"), None);
        // Version 1 beside other controllers; a hybrid with version 2 below `unified`.
        write("memory/docker/abc/memory.limit_in_bytes", "268435456");
        let v1 = "12:cpu,cpuacct:/docker/abc\n5:memory:/docker/abc/inner\n1:name=systemd:/docker/abc\n0::/x\n";
        assert_eq!(least(v1), Some(256 << 20));
        write("unified/x/memory.max", "134217728");
        assert_eq!(least(v1), Some(128 << 20));
        // In a container the own cgroup is the root, whatever it is called outside.
        write("memory.max", "67108864");
        for own in ["0::/\n", "0::/../../other\n", "0::/kubepods/pod7/abc\n", "", "nonsense"] {
            assert_eq!(least(own), Some(64 << 20), "{own}");
        }
    }

    #[test]
    fn request_bodies_take_a_quarter_of_the_budget_within_bounds() {
        for (total, bodies) in [(64 << 20, 16 << 20), (4u64 << 30, 1 << 30), (64 << 30, 2 << 30), (0, 1 << 20)] {
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
            let hot = (shares.logs_hot + shares.metrics_hot + shares.traces_hot) * HOT_HARD_FACTOR;
            assert!(hot <= total * 6 / 10, "{total}: {hot}");
        }
    }

    #[test]
    fn all_shares_together_are_no_more_than_the_budget() {
        for total in [256 << 20, 512 << 20, 6u64 << 30, 64 << 30] {
            let shares = MemoryShares::of(total);
            let hot = (shares.logs_hot + shares.metrics_hot + shares.traces_hot) * HOT_HARD_FACTOR;
            let all = hot + shares.queries + shares.answers + shares.scraping + shares.caches + shares.bodies;
            assert!(all <= total, "{total}: {all}");
        }
    }
}
