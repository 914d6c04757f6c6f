//! A listening socket and its loop of accepting.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::{Front, connection};
use crate::rest::dialect::Dialect;

/// A bound address.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    pinned: Option<Dialect>,
}

impl Listener {
    /// Binds an address; port 0 picks a free one.
    pub async fn bind(address: SocketAddr, pinned: Option<Dialect>) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, pinned })
    }

    /// The address it is bound to, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The dialect its requests are answered in, whatever their path says.
    pub fn pinned(&self) -> Option<Dialect> {
        self.pinned
    }

    /// Accepts connections until it is dropped, each served by a task of its own.
    pub(super) async fn accept(self, front: Arc<Front>) {
        /// Between attempts while the process is out of file descriptors.
        const PAUSE: Duration = Duration::from_millis(20);
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => match front.connections.clone().try_acquire_owned() {
                    Ok(permit) => {
                        let front = front.clone();
                        let pinned = self.pinned;
                        tokio::spawn(async move {
                            connection::serve(stream, &front, pinned, Arc::new(permit)).await;
                        });
                    }
                    Err(_) => turn_away(stream),
                },
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Says 503 as far as the socket takes it at once, and closes.
fn turn_away(stream: TcpStream) {
    const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
        X-elastic-product: Elasticsearch\r\n\
        X-Occam-Outcome: not-applied\r\n\
        connection: close\r\n\
        content-length: 0\r\n\r\n";
    let answered = stream.into_std().and_then(|mut stream| stream.write(BUSY));
    tracing::warn!(answered = answered.is_ok(), "too many connections");
}
