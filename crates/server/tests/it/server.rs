//! A server in this process, with a handler that does what the path says.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use server::http::guard::Guard;
use server::http::{self, Handler, Limits, Listener, Settings};
use server::rest::dialect::Dialect;
use server::rest::{Request, Response};
use tokio::sync::{Notify, oneshot};

/// How long anything that ought to happen may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for nothing: for tests whose subject is that time passes, or that a moment is any moment.
pub fn pass(time: Duration) {
    let (_sender, receiver) = channel::<()>();
    assert!(receiver.recv_timeout(time).is_err());
}

/// A running server; stops when dropped.
pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<u32>>,
}

impl Server {
    /// A server with these bounds and the [`Gate`] of its `/wait`.
    pub fn start(limits: Limits) -> (Self, Gate) {
        let (handler, gate) = scripted();
        (Self::with(handler, limits, Guard::default(), None), gate)
    }

    /// A server with everything chosen.
    pub fn with(handler: Handler, limits: Limits, guard: Guard, pinned: Option<Dialect>) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (bound, address) = channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let any = "127.0.0.1:0".parse().unwrap();
                let listener = Listener::bind(any, pinned).await.unwrap();
                bound.send(listener.address()).unwrap();
                let settings = Settings { limits, guard, default_dialect: Dialect::V7 };
                let stop = async { stopped.await.unwrap_or_default() };
                http::serve(vec![listener], handler, settings, stop).await
            })
        });
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    /// Asks it to stop, without waiting.
    pub fn ask_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until it has stopped; returns how many connections it gave up on.
    pub fn join(&mut self) -> u32 {
        self.ask_to_stop();
        self.thread.take().map_or(0, |thread| thread.join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.join();
    }
}

/// What happens behind `/wait`: the test hears when a request got there and when it is done, and
/// decides when it goes on.
pub struct Gate {
    pub entered: Receiver<()>,
    pub done: Receiver<()>,
    release: Arc<Notify>,
}

impl Gate {
    /// Lets one waiting request go on.
    pub fn open(&self) {
        self.release.notify_one();
    }
}

fn scripted() -> (Handler, Gate) {
    let (enter, entered) = channel();
    let (finish, done) = channel();
    let release = Arc::new(Notify::new());
    let senders = Arc::new(Mutex::new((enter, finish)));
    let gate = Gate { entered, done, release: release.clone() };
    let handler = http::handler(move |request: Request| {
        let (release, senders) = (release.clone(), senders.clone());
        async move { answer(request, &release, &senders).await }
    });
    (handler, gate)
}

async fn answer(
    request: Request,
    release: &Notify,
    senders: &Mutex<(Sender<()>, Sender<()>)>,
) -> Response {
    match request.raw_path() {
        "/wait" => {
            senders.lock().unwrap().0.send(()).unwrap();
            release.notified().await;
            senders.lock().unwrap().1.send(()).unwrap_or_default();
        }
        "/panic" => panic!("the handler of /panic panics"),
        "/big" => return text(Bytes::from(vec![b'x'; 1025])),
        "/medium" => return text(Bytes::from(vec![b'x'; 1024])),
        _ => {}
    }
    text(request.body)
}

fn text(body: Bytes) -> Response {
    Response {
        status: StatusCode::OK,
        content_type: "text/plain; charset=UTF-8",
        headers: Vec::new(),
        body,
        outcome: None,
        held: None,
    }
}
