//! A small server of the DNS (RFC 1035) that answers over UDP as a test wants.

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;

/// Type codes of records.
pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const CNAME: u16 = 5;
pub(super) const MX: u16 = 15;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;

/// The response code of a server that fails.
pub(super) const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

/// Records by name and type: type and data of each, in wire form; or a response code.
type Zone = HashMap<(String, u16), Result<Vec<(u16, Vec<u8>)>, u8>>;

/// A server that runs until it is dropped.
pub(super) struct DnsServer {
    port: u16,
    zone: Arc<Mutex<Zone>>,
    task: tokio::task::JoinHandle<()>,
}

impl DnsServer {
    pub(super) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let zone = Arc::new(Mutex::new(Zone::new()));
        let own = zone.clone();
        let task = tokio::spawn(async move {
            let mut packet = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut packet).await {
                let answer = answer(&packet[..length], &own.lock());
                let _ = socket.send_to(&answer, from).await;
            }
        });
        Self { port, zone, task }
    }

    /// Answers this from now on.
    pub(super) fn set(&self, name: &str, kind: u16, answer: Result<Vec<(u16, Vec<u8>)>, u8>) {
        self.zone.lock().insert((name.to_owned(), kind), answer);
    }

    /// How to ask it.
    pub(super) fn config(&self) -> ResolverConfig {
        let mut connection = ConnectionConfig::udp();
        connection.port = self.port;
        let mut server = NameServerConfig::udp(IpAddr::from([127, 0, 0, 1]));
        server.connections = vec![connection];
        ResolverConfig::from_parts(None, Vec::new(), vec![server])
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A name in wire form.
pub(super) fn name(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in text.trim_end_matches('.').split('.') {
        wire.push(label.len() as u8);
        wire.extend(label.bytes());
    }
    wire.push(0);
    wire
}

/// The data of a service record.
pub(super) fn service(port: u16, target: &str) -> Vec<u8> {
    let mut data = vec![0, 10, 0, 5];
    data.extend(port.to_be_bytes());
    data.extend(name(target));
    data
}

fn answer(question: &[u8], zone: &Zone) -> Vec<u8> {
    let (mut asked, mut place) = (Vec::new(), 12);
    while question[place] != 0 {
        let length = question[place] as usize;
        asked.push(String::from_utf8_lossy(&question[place + 1..=place + length]).to_lowercase());
        place += length + 1;
    }
    let kind = u16::from_be_bytes([question[place + 1], question[place + 2]]);
    let end = place + 5;
    let found = zone.get(&(asked.join("."), kind)).cloned().unwrap_or(Err(NO_SUCH_NAME));
    let (records, code) = match found {
        Ok(records) => (records, 0),
        Err(code) => (Vec::new(), code),
    };
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    answer.extend(&question[12..end]);
    for (kind, data) in records {
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1, 0, 0, 0, 60]);
        answer.extend((data.len() as u16).to_be_bytes());
        answer.extend(data);
    }
    answer
}
