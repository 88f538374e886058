//! What a process used, as Linux tells it.

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// CPU time, user and system, that the process has taken so far with all its threads; in steps of 10 ms.
///
/// # Errors
/// No such process.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let ticks = ticks(&text).with_context(|| format!("{path} is not as proc(5) describes it"))?;
    Ok(Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64))
}

/// Fields 14 and 15 (proc(5)), counted from the end of the name, which may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Bytes resident now.
///
/// # Errors
/// No such process.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmRSS:")
}

/// Most bytes ever resident at once.
///
/// # Errors
/// No such process.
pub fn peak_resident_bytes(pid: u32) -> Result<u64> {
    status_bytes(pid, "VmHWM:")
}

fn status_bytes(pid: u32, field: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(value.with_context(|| format!("no {field} in {path}"))? * 1024)
}

/// CPU time that this process has taken so far with all its threads.
#[must_use]
pub fn own_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Bytes that the files below a directory take as they are read, holes not counted as less.
///
/// # Errors
/// A directory that cannot be read. Files that vanish meanwhile are passed over.
pub fn directory_bytes(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes += directory_bytes(&entry.path()).unwrap_or(0),
            Ok(metadata) => bytes += metadata.len(),
            Err(_) => {}
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticks_stand_behind_the_name_whatever_it_is() {
        let stat = "12 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 9 0 100 1 2";
        assert_eq!(ticks(stat), Some(175));
        assert_eq!(ticks("nothing"), None);
    }

    #[test]
    fn what_this_process_uses_is_found() {
        let pid = std::process::id();
        assert!(resident_bytes(pid).unwrap() > 100 << 10);
        assert!(peak_resident_bytes(pid).unwrap() >= resident_bytes(pid).unwrap() / 2);
        assert!(own_cpu_time() > Duration::ZERO);
        cpu_time(pid).unwrap();
    }
}
