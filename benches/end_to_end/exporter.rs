//! Targets to be scraped: pages made before, handed out in order.

use anyhow::Result;
use clew_testkit::corpus::metrics::Instance;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More than are scraped in one run, so that no counter goes back.
const PAGES: usize = 40;

/// The pages of one target over time; all targets show the same.
pub(crate) struct Pages {
    pages: Arc<Vec<String>>,
    targets: usize,
}

impl Pages {
    pub(crate) fn new(seed: u64, targets: usize, series: usize) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut instance = Instance::new(0, series);
        let mut page = || {
            instance.step(&mut rng);
            instance.exposition()
        };
        Self { pages: Arc::new((0..PAGES).map(|_| page()).collect()), targets }
    }
}

/// A listener that answers `GET /N` with the next page of target N.
pub(crate) struct Exporter {
    address: SocketAddr,
    served: Arc<AtomicUsize>,
}

impl Exporter {
    pub(crate) fn start(pages: &Pages) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let served = Arc::new(AtomicUsize::new(0));
        let turns: Arc<Vec<AtomicUsize>> = Arc::new((0..pages.targets).map(|_| AtomicUsize::new(0)).collect());
        let (pages, counter) = (Arc::clone(&pages.pages), Arc::clone(&served));
        // It ends with the program; nobody connects any more once its server is gone.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, turns, served) = (Arc::clone(&pages), Arc::clone(&turns), Arc::clone(&counter));
                std::thread::spawn(move || answer(stream, &pages, &turns, &served));
            }
        });
        Ok(Self { address, served })
    }

    pub(crate) fn served_bytes(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }

    /// A prometheus.yml that scrapes every target every second.
    pub(crate) fn config(&self, pages: &Pages) -> String {
        let mut text = String::from("global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n");
        for target in 0..pages.targets {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "  - {{ job_name: target-{target}, metrics_path: /{target}, static_configs: [ {{ targets: ['{}'] }} ] }}",
                self.address
            );
        }
        text
    }
}

/// Serves one connection until the other side closes it.
fn answer(stream: TcpStream, pages: &[String], turns: &[AtomicUsize], served: &AtomicUsize) -> Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let target = line.split(' ').nth(1).and_then(|path| path.trim_start_matches('/').parse::<usize>().ok());
        while line.trim_end() != "" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        let turn = target.and_then(|target| turns.get(target)).map_or(0, |turn| turn.fetch_add(1, Ordering::Relaxed));
        let page = pages.get(turn % pages.len()).map_or("", String::as_str);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\n\r\n",
            page.len()
        );
        reader.get_mut().write_all(head.as_bytes())?;
        reader.get_mut().write_all(page.as_bytes())?;
        served.fetch_add(page.len(), Ordering::Relaxed);
    }
}
