//! Ports for datagrams.

use super::ServeError;
use super::protocol::{Datagram, DatagramProtocol};
use crate::limits::{ACCEPT_PAUSE, DATAGRAM_BATCH, DATAGRAMS, DRAIN};
use bytes::Bytes;
use clew_telemetry::{Counter, Registry, table};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The largest datagram that there is (RFC 768: a length of 16 bits).
const LARGEST: usize = 1 << 16;

/// A datagram with the room that it takes while it waits.
type Waiting = (Datagram, OwnedSemaphorePermit);

/// Takes what comes until `stop`, then lets the protocol have what waits.
pub(super) async fn serve(
    name: &'static str,
    socket: UdpSocket,
    protocol: Arc<dyn DatagramProtocol>,
    bound: usize,
    registry: &Registry,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let (sender, receiver) = mpsc::channel(DATAGRAMS);
    let queue = Queue {
        sender,
        // One of the largest always fits.
        room: Arc::new(Semaphore::new(bound.clamp(LARGEST, Semaphore::MAX_PERMITS))),
        dropped: registry.counter(&table::LISTENER_DROPPED, [name]),
        limit: registry.counter(&table::LIMIT_HITS, ["datagrams"]),
    };
    let mut worker = tokio::spawn(hand_over(receiver, protocol));
    tokio::select! {
        () = stop.cancelled() => {}
        () = receive(name, &socket, &queue) => {}
    }
    drop((socket, queue));
    match timeout(DRAIN, &mut worker).await {
        Ok(_) => Ok(()),
        Err(_) => {
            worker.abort();
            Err(ServeError::Drain { listener: name, within: DRAIN })
        }
    }
}

struct Queue {
    sender: Sender<Waiting>,
    /// A permit for each byte that may wait.
    room: Arc<Semaphore>,
    dropped: Counter,
    limit: Counter,
}

impl Queue {
    fn push(&self, bytes: &[u8], peer: SocketAddr) {
        let size = u32::try_from(bytes.len().max(1)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(size).ok();
        let waits = room.is_some_and(|room| {
            let datagram = Datagram { peer, bytes: Bytes::copy_from_slice(bytes) };
            self.sender.try_send((datagram, room)).is_ok()
        });
        if !waits {
            self.dropped.inc();
            self.limit.inc();
        }
    }
}

async fn receive(name: &'static str, socket: &UdpSocket, queue: &Queue) {
    let mut buffer = vec![0; LARGEST];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((size, peer)) => queue.push(buffer.get(..size).unwrap_or_default(), peer),
            Err(error) => {
                // On Linux an answer that found nobody comes back as an error of the socket.
                tracing::debug!(listener = name, %error, "cannot receive a datagram; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn hand_over(mut receiver: Receiver<Waiting>, protocol: Arc<dyn DatagramProtocol>) {
    let mut waiting = Vec::with_capacity(DATAGRAM_BATCH);
    while receiver.recv_many(&mut waiting, DATAGRAM_BATCH).await > 0 {
        // Their room is free again when the protocol is done with them.
        let (datagrams, _room): (Vec<Datagram>, Vec<OwnedSemaphorePermit>) = waiting.drain(..).unzip();
        Arc::clone(&protocol).take(datagrams).await;
    }
}
