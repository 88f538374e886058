//! Small protocols on real sockets: lines over TCP and TLS, lines in datagrams.

use super::*;
use clew_telemetry::{BuildInfo, table};
use futures_util::future::{BoxFuture, FutureExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Mutex;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

const AUTHORITY: &[u8] = include_bytes!("testdata/ca.pem");
const SERVER: TlsFiles<'static> = TlsFiles {
    certificate: include_bytes!("testdata/server.pem"),
    key: include_bytes!("testdata/server.key"),
    client_ca: None,
};

/// Answers each line with the same in capitals. `wait` is answered late, so that a stop finds it under way.
struct Shout;

impl StreamProtocol for Shout {
    fn serve(self: Arc<Self>, connection: Connection, stop: CancellationToken) -> BoxFuture<'static, ()> {
        async move {
            let (read, mut write) = tokio::io::split(connection.stream);
            let mut lines = BufReader::new(read).lines();
            loop {
                let line = tokio::select! {
                    line = lines.next_line() => line,
                    () = stop.cancelled() => return,
                };
                let Ok(Some(line)) = line else { return };
                if line == "wait" {
                    sleep(Duration::from_millis(300)).await;
                }
                if write.write_all(format!("{}\n", line.to_uppercase()).as_bytes()).await.is_err() {
                    return;
                }
            }
        }
        .boxed()
    }
}

/// Keeps what it is sent; holds on to a batch as long as it is told.
#[derive(Default)]
struct Keep {
    batches: Mutex<Vec<Vec<Datagram>>>,
    pause: Duration,
}

impl DatagramProtocol for Keep {
    fn take(self: Arc<Self>, datagrams: Vec<Datagram>) -> BoxFuture<'static, ()> {
        async move {
            self.batches.lock().unwrap().push(datagrams);
            sleep(self.pause).await;
        }
        .boxed()
    }
}

impl Keep {
    fn lines(&self) -> Vec<Vec<u8>> {
        self.batches.lock().unwrap().iter().flatten().map(|datagram| datagram.bytes.to_vec()).collect()
    }
}

/// A listener that serves.
struct Served {
    address: SocketAddr,
    registry: Arc<Registry>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Served {
    fn new(listener: Listener) -> Self {
        let registry = Arc::new(Registry::new(BuildInfo { version: "0", revision: "0" }));
        let (address, stop) = (listener.address().unwrap(), CancellationToken::new());
        let (counts, told) = (Arc::clone(&registry), stop.clone());
        let task = tokio::spawn(async move { listener.serve(&counts, told).await });
        Self { address, registry, stop, task }
    }

    async fn streams(tls: Option<TlsFiles<'_>>, connections: usize) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tls = tls.map(|files| Arc::new(LiveTls::new(files).unwrap()));
        Self::new(Listener::streams("shout", socket, tls, Arc::new(Shout)).bounded(connections))
    }

    async fn ended(self) -> Result<(), ServeError> {
        self.stop.cancel();
        timeout(Duration::from_secs(20), self.task).await.unwrap().unwrap()
    }
}

async fn say(stream: &mut (impl Stream + ?Sized), line: &str) -> String {
    stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    hear(stream).await
}

async fn hear(stream: &mut (impl Stream + ?Sized)) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\n") {
        let byte = timeout(Duration::from_secs(20), stream.read_u8()).await.unwrap().unwrap();
        heard.push(byte);
    }
    String::from_utf8(heard).unwrap().trim_end().to_owned()
}

#[tokio::test]
async fn a_protocol_speaks_over_connections_and_finishes_what_is_under_way_when_it_stops() {
    let served = Served::streams(None, 8).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(say(&mut idle, "hello").await, "HELLO");
    let mut busy = TcpStream::connect(served.address).await.unwrap();
    busy.write_all(b"wait\n").await.unwrap();
    sleep(Duration::from_millis(50)).await;
    let address = served.address;
    let (ended, heard) = tokio::join!(served.ended(), hear(&mut busy));
    assert_eq!((ended.is_ok(), heard.as_str()), (true, "WAIT"));
    assert_eq!(idle.read(&mut [0; 8]).await.unwrap(), 0, "an idle connection is closed");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_connection_beyond_the_bound_waits_until_one_ends() {
    let served = Served::streams(None, 1).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(say(&mut first, "one").await, "ONE");
    assert_eq!(served.registry.gauge(&table::LISTENER_CONNECTIONS, ["shout"]).get(), 1.0);
    let mut second = TcpStream::connect(served.address).await.unwrap();
    second.write_all(b"two\n").await.unwrap();
    assert!(timeout(Duration::from_millis(200), second.read_u8()).await.is_err(), "it waits");
    assert!(served.registry.counter(&table::LIMIT_HITS, ["connections"]).get() >= 1);
    drop(first);
    assert_eq!(hear(&mut second).await, "TWO");
    drop(second);
    served.ended().await.unwrap();
}

/// Speaks until it is cut off.
struct Endless;

impl StreamProtocol for Endless {
    fn serve(self: Arc<Self>, connection: Connection, _: CancellationToken) -> BoxFuture<'static, ()> {
        async move {
            let _held = connection;
            std::future::pending::<()>().await;
        }
        .boxed()
    }
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut_off_and_named() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let served = Served::new(Listener::streams("endless", socket, None, Arc::new(Endless)));
    let mut peer = TcpStream::connect(served.address).await.unwrap();
    while served.registry.gauge(&table::LISTENER_CONNECTIONS, ["endless"]).get() < 1.0 {
        tokio::task::yield_now().await;
    }
    served.stop.cancel();
    let error = served.task.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("endless") && error.contains("5 s after the stop"), "{error}");
    assert_eq!(peer.read(&mut [0; 8]).await.unwrap(), 0);
}

fn connector(client: Option<(&[u8], &[u8])>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key).unwrap()).unwrap()
        }
    };
    TlsConnector::from(Arc::new(config))
}

/// A line said over TLS and its answer; the error of whoever ended the attempt.
async fn over_tls(address: SocketAddr, connector: &TlsConnector) -> io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    let mut stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await?;
    stream.write_all(b"secret\n").await?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn the_same_protocol_speaks_over_tls_and_a_plain_peer_harms_nobody() {
    let served = Served::streams(Some(SERVER), 8).await;
    let mut plain = TcpStream::connect(served.address).await.unwrap();
    plain.write_all(b"hello\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = timeout(Duration::from_secs(20), plain.read_to_end(&mut rest)).await.unwrap();
    assert!(!rest.windows(5).any(|part| part == b"HELLO"), "{rest:?}");
    assert_eq!(over_tls(served.address, &connector(None)).await.unwrap(), "SECRET\n");
    served.ended().await.unwrap();
}

#[tokio::test]
async fn where_clients_must_show_a_certificate_others_are_turned_away() {
    let files = TlsFiles { client_ca: Some(AUTHORITY), ..SERVER };
    let served = Served::streams(Some(files), 8).await;
    let client: (&[u8], &[u8]) = (include_bytes!("testdata/client.pem"), include_bytes!("testdata/client.key"));
    assert_eq!(over_tls(served.address, &connector(Some(client))).await.unwrap(), "SECRET\n");
    assert!(over_tls(served.address, &connector(None)).await.is_err());
    served.ended().await.unwrap();
}

#[tokio::test]
async fn certificates_that_change_are_shown_from_the_next_connection_on() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = Arc::new(LiveTls::new(SERVER).unwrap());
    let served = Served::new(Listener::streams("shout", socket, Some(Arc::clone(&tls)), Arc::new(Shout)));
    let stream = TcpStream::connect(served.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut open = connector(None).connect(name, stream).await.unwrap();
    assert_eq!(say(&mut open, "one").await, "ONE");
    assert!(tls.replace(TlsFiles { key: include_bytes!("testdata/client.key"), ..SERVER }).is_err());
    assert!(over_tls(served.address, &connector(None)).await.is_ok(), "the last ones that could be used stay");
    // The client's certificate is for another name, so that a client of this one turns away.
    let client: (&[u8], &[u8]) = (include_bytes!("testdata/client.pem"), include_bytes!("testdata/client.key"));
    tls.replace(TlsFiles { certificate: client.0, key: client.1, client_ca: None }).unwrap();
    assert!(over_tls(served.address, &connector(None)).await.is_err());
    assert_eq!(say(&mut open, "two").await, "TWO", "what is open goes on");
    tls.replace(TlsFiles { client_ca: Some(AUTHORITY), ..SERVER }).unwrap();
    assert!(over_tls(served.address, &connector(None)).await.is_err(), "clients are asked for certificates now");
    assert_eq!(over_tls(served.address, &connector(Some(client))).await.unwrap(), "SECRET\n");
    drop(open);
    served.ended().await.unwrap();
}

#[test]
fn a_certificate_is_for_its_names_alone() {
    let tls = LiveTls::new(SERVER).unwrap();
    assert!(tls.is_for("localhost") && !tls.is_for("evil.example") && !tls.is_for("") && !tls.is_for("a b"));
}

#[test]
fn files_that_cannot_be_used_are_named_by_their_setting() {
    let refused = |files| LiveTls::new(files).unwrap_err().to_string();
    let empty = refused(TlsFiles { certificate: b"", ..SERVER });
    assert!(empty.starts_with("server.tls.cert: the file holds no certificate"), "{empty}");
    let no_key = refused(TlsFiles { key: AUTHORITY, ..SERVER });
    assert!(no_key.starts_with("server.tls.key: the file holds no private key"), "{no_key}");
    let others = refused(TlsFiles { key: include_bytes!("testdata/client.key"), ..SERVER });
    assert!(others.starts_with("server.tls.key: the key does not belong"), "{others}");
    let nobody = refused(TlsFiles { client_ca: Some(b"x"), ..SERVER });
    assert!(nobody.starts_with("server.tls.client_ca: "), "{nobody}");
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn datagrams_come_in_order_and_what_waits_is_taken_before_the_end() {
    let keep = Arc::new(Keep { pause: Duration::from_millis(100), ..Keep::default() });
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let served = Served::new(Listener::datagrams("keep", socket, Arc::clone(&keep) as _));
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let sent: Vec<Vec<u8>> =
        (0..20).map(|n| format!("line {n}").into_bytes()).chain([Vec::new(), vec![b'x'; 60_000]]).collect();
    sender.send_to(&sent[0], served.address).await.unwrap();
    until("the first is taken", || !keep.lines().is_empty()).await;
    for datagram in &sent[1..] {
        sender.send_to(datagram, served.address).await.unwrap();
    }
    sleep(Duration::from_millis(20)).await;
    served.ended().await.unwrap();
    assert_eq!(keep.lines(), sent);
    let first = keep.batches.lock().unwrap()[0][0].peer;
    assert_eq!(first, sender.local_addr().unwrap());
}

#[tokio::test]
async fn datagrams_beyond_the_bound_are_dropped_and_counted() {
    let keep = Arc::new(Keep { pause: Duration::from_secs(2), ..Keep::default() });
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    // Two of 30,000 bytes have room in 65,536.
    let served = Served::new(Listener::datagrams("keep", socket, Arc::clone(&keep) as _).bounded(1));
    let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..5 {
        sender.send_to(&[b'x'; 30_000], served.address).await.unwrap();
    }
    let dropped = served.registry.counter(&table::LISTENER_DROPPED, ["keep"]);
    until("three are dropped", || dropped.get() == 3).await;
    served.ended().await.unwrap();
    assert_eq!(keep.lines().len(), 2);
}
