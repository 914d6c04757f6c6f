//! What clients need of their surroundings, in real time and over real sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use checker::Moment;
use futures_util::FutureExt;
use tokio::net::TcpStream;
use workload::{Answer, BoxFuture, Listener, Moments, Request, Sleeper, Transport, Unanswered};

use crate::exchange::exchange;

/// A request that is not answered for so long never will be.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// Where one life of the server is to be found, and whether it still is.
#[derive(Debug)]
pub(crate) struct Served {
    /// The number of the life.
    pub(crate) number: u32,
    addresses: BTreeMap<Listener, SocketAddr>,
    /// Nobody may connect any more: another process may take the port.
    is_gone: AtomicBool,
    /// A request was not answered in any reasonable time.
    is_stuck: AtomicBool,
}

impl Served {
    /// A life that serves here.
    pub(crate) fn new(number: u32, addresses: BTreeMap<Listener, SocketAddr>) -> Arc<Self> {
        let (is_gone, is_stuck) = Default::default();
        Arc::new(Self { number, addresses, is_gone, is_stuck })
    }

    /// From now on nobody connects to it.
    pub(crate) fn leave(&self) {
        self.is_gone.store(true, Relaxed);
    }

    /// Whether a request was left without an answer.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Relaxed)
    }
}

/// One client's connections to one life of the server, at most one to each address.
#[derive(Debug)]
pub(crate) struct Connections {
    served: Arc<Served>,
    idle: Mutex<BTreeMap<Listener, TcpStream>>,
}

impl Connections {
    /// No connection yet.
    pub(crate) fn new(served: Arc<Served>) -> Self {
        Self { served, idle: Mutex::default() }
    }

    /// An idle connection, or a new one; nothing if there is nobody to connect to.
    async fn connection(&self, listener: Listener) -> Option<TcpStream> {
        if self.served.is_gone.load(Relaxed) {
            return None;
        }
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).remove(&listener);
        if let Some(stream) = idle {
            return Some(stream);
        }
        let stream = TcpStream::connect(self.served.addresses.get(&listener)?).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Some(stream)
    }

    /// A future that is dropped takes its connection with it: the client hangs up.
    async fn exchange(&self, request: Request) -> Result<Answer, Unanswered> {
        let listener = request.listener;
        let stream = self.connection(listener).await;
        let mut stream = stream.ok_or(Unanswered::NotSent)?;
        let answered = tokio::time::timeout(ANSWER_TIME_MAX, exchange(&mut stream, &request));
        let exchanged = answered.await.map_err(|_| {
            self.served.is_stuck.store(true, Relaxed);
            Unanswered::Lost
        })?;
        let exchanged = exchanged.map_err(|_| Unanswered::Lost)?;
        if exchanged.is_kept {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).insert(listener, stream);
        }
        Ok(exchanged.answer)
    }
}

impl Transport for Connections {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, Unanswered>> {
        self.exchange(request).boxed()
    }

    fn life(&self) -> u32 {
        self.served.number
    }
}

/// The moments of this machine, whose wall clock is the server's.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    moments: AtomicU64,
}

impl Moments for Clock {
    #[allow(clippy::disallowed_methods, reason = "the server runs on the machine's clock")]
    fn now(&self) -> Moment {
        let order = self.moments.fetch_add(1, Relaxed);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { order, wall_millis: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX) }
    }
}

/// Real sleep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sleep;

impl Sleeper for Sleep {
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        tokio::time::sleep(duration).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use workload::{Listener, Request, Transport, Unanswered};

    use super::{Connections, Served};

    fn request() -> Request {
        let (target, headers, body) = ("/".to_owned(), Vec::new(), Vec::new());
        Request { method: "GET", target, headers, body, listener: Listener::Plain }
    }

    fn on_one_thread(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(test);
    }

    #[test]
    fn a_request_that_is_dropped_hangs_up() {
        on_one_thread(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addresses = [(Listener::Plain, listener.local_addr().unwrap())];
            let connections = Connections::new(Served::new(1, BTreeMap::from(addresses)));
            let server = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut heard = [0; 3];
                stream.read_exact(&mut heard).await.unwrap();
                (stream, heard)
            };
            let (mut stream, heard) = tokio::select! {
                heard = server => heard,
                _ = connections.send(request()) => panic!("nobody answers"),
            };
            assert_eq!(&heard, b"GET");
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
        });
    }

    #[test]
    fn nobody_connects_to_a_life_that_is_left() {
        on_one_thread(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addresses = [(Listener::Plain, listener.local_addr().unwrap())];
            let served = Served::new(1, BTreeMap::from(addresses));
            served.leave();
            let answered = Connections::new(served).send(request()).await;
            assert_eq!(answered, Err(Unanswered::NotSent));
        });
    }
}
