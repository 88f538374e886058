//! Room for open files: connections, journals, and the sealed parts that were read last (each store keeps a bounded number
//! of them open) together reach the usual limit of 1,024.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files to the highest that this process may have. A system that refuses leaves the old one.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, current = limit.current, "cannot raise the limit of open files; raise it with ulimit -n");
    }
}

/// Files that journals, seals, sealed parts that were read, and what is fetched may have open at once: the stores' own bounds
/// together, and as much again for what is sealed and merged beside them.
const RESERVED: u64 = 1_024;

/// Connections that each of so many ports may have, so that no number of clients takes the files that data need.
#[must_use]
pub(crate) fn connections_of_a_port(ports: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    within(limit, ports)
}

fn within(limit: u64, ports: usize) -> usize {
    // However few files there are, three quarters of them are for the data.
    let room = limit.saturating_sub(RESERVED.min(limit / 4 * 3));
    usize::try_from(room).unwrap_or(usize::MAX) / ports.max(1)
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn connections_leave_files_for_the_data() {
        for (limit, ports, connections) in
            [(1_024, 3, 85), (1_024, 4, 64), (256, 3, 21), (20_000, 3, 6_325), (1 << 20, 4, 261_888), (4, 9, 0)]
        {
            assert_eq!(within(limit, ports), connections, "{limit} {ports}");
        }
    }
}
