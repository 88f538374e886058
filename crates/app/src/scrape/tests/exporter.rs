//! A small HTTP/1.1 server that answers as a test wants.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server answers.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delay: Duration,
}

impl Reply {
    /// A good answer in the Prometheus text format.
    pub(super) fn text(body: &str) -> Self {
        let headers = vec![("Content-Type", "text/plain; version=0.0.4".to_owned())];
        Self { status: "200 OK", headers, body: body.into(), delay: Duration::ZERO }
    }

    /// A good answer in OpenMetrics.
    pub(super) fn open_metrics(body: &str) -> Self {
        let headers = vec![("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8".to_owned())];
        Self { headers, ..Self::text(body) }
    }
}

/// A server that runs until it is dropped.
pub(super) struct Exporter {
    pub(super) address: String,
    reply: Arc<Mutex<Reply>>,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Exporter {
    pub(super) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let reply = Arc::new(Mutex::new(reply));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (replies, seen) = (reply.clone(), requests.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, replies.clone(), seen.clone()));
            }
        });
        Self { address, reply, requests, task }
    }

    /// Answers this from now on.
    pub(super) fn set(&self, reply: Reply) {
        *self.reply.lock() = reply;
    }

    /// The heads of all requests so far, header names in lowercase.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, replies: Arc<Mutex<Reply>>, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    seen.lock().push(String::from_utf8_lossy(&head).into_owned());
    let reply = replies.lock().clone();
    tokio::time::sleep(reply.delay).await;
    let mut answer =
        format!("HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    let _ = stream.write_all(format!("{answer}\r\n").as_bytes()).await;
    let _ = stream.write_all(&reply.body).await;
    let _ = stream.shutdown().await;
}
