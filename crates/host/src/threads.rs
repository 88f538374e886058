//! Threads as the system's scheduler sees them.

/// By how much a thread that gives way is nicer than others: each step is a tenth less of a processor that both want, twelve
/// leave it about 6 % (`sched(7)`, "The nice value").
#[cfg(target_os = "linux")]
const NICER_BY: i32 = 12;

/// A thread of this process, as the system knows it. Of use while the thread lives only.
#[derive(Debug, Clone, Copy)]
pub struct SystemThread {
    #[cfg(target_os = "linux")]
    id: rustix::thread::Pid,
}

impl SystemThread {
    /// The calling thread.
    #[must_use]
    pub fn current() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            id: rustix::thread::gettid(),
        }
    }

    /// Has the thread run only where others leave the processor to it, for as long as it lives, and those that it begins: none
    /// may raise itself again without a privilege. Where the system refuses, or knows priorities of processes only, the thread
    /// stays as it is.
    pub fn give_way(self) {
        // Of Linux alone a priority belongs to a thread (setpriority(2), "C library/kernel differences"); that of the process
        // is that of its first thread, which never gives way.
        #[cfg(target_os = "linux")]
        if let Ok(nice) = rustix::process::getpriority_process(Some(rustix::process::getpid())) {
            // Beyond the nicest the system takes the nicest.
            let _ = rustix::process::setpriority_process(Some(self.id), nice.saturating_add(NICER_BY));
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gives_way_by_itself_and_no_other_does() {
        let nice = |thread: SystemThread| {
            let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", thread.id.as_raw_nonzero())).unwrap();
            // After the name in brackets: fields 3 on; nice is 19 (proc_pid_stat(5)).
            let (_, fields) = stat.rsplit_once(") ").unwrap();
            fields.split(' ').nth(16).unwrap().parse::<i32>().unwrap()
        };
        let own = nice(SystemThread::current());
        let other = std::thread::spawn(move || {
            let thread = SystemThread::current();
            thread.give_way();
            // A thread begins as nice as the one that begins it, and is not made nicer again.
            let begun = std::thread::spawn(move || {
                let own = SystemThread::current();
                own.give_way();
                nice(own)
            });
            assert_eq!(begun.join().unwrap(), nice(thread));
            nice(thread)
        });
        assert_eq!((other.join().unwrap(), nice(SystemThread::current())), (19.min(own + NICER_BY), own));
    }
}
