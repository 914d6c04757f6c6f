//! One connection, from its first byte to its clean end.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::activity::{Activity, Watched};
use super::{Front, exchange};
use crate::rest::dialect::Dialect;

/// Serves a connection until the client or a shutdown ends it.
pub(super) async fn serve(
    stream: TcpStream,
    front: &Arc<Front>,
    pinned: Option<Dialect>,
    permit: Arc<OwnedSemaphorePermit>,
) {
    // Without it an answer may wait for the acknowledgement of the one before. Failing is harmless.
    let _ = stream.set_nodelay(true);
    let activity = Activity::new();
    let requests = service_fn(|request| {
        let (front, activity, permit) = (front.clone(), activity.clone(), permit.clone());
        Box::pin(async move {
            activity.handling();
            let answer = exchange::answer(&front, request, pinned, permit).await;
            activity.waiting();
            answer
        })
    });
    let watched = Watched::new(stream, activity.clone());
    let mut connection = front.protocol.serve_connection(watched, requests);
    let limits = &front.settings.limits;
    let mut overdue = pin!(activity.overdue(limits.header_timeout, limits.write_timeout));
    let mut stopped = front.stopped.clone();
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            // An error is the client's: hyper has answered it, as far as it could be answered.
            _ = poll_fn(|context| connection.poll_without_shutdown(context)) => break,
            _ = stopped.wait_for(|stopped| *stopped), if !stopping => stopping = true,
            () = &mut overdue => return,
        }
        Pin::new(&mut connection).graceful_shutdown();
    }
    if !stopping {
        let stream = connection.into_parts().io.into_stream();
        linger(stream, limits.linger_timeout).await;
    }
}

/// Ends a connection so that the client can read the last answer: a socket closed with bytes unread
/// is reset, and the reset overtakes the answer.
async fn linger(stream: TcpStream, limit: Duration) {
    if SockRef::from(&stream).shutdown(Shutdown::Write).is_err() {
        return;
    }
    let mut unread = vec![0; 16 << 10];
    let drained = async {
        while stream.readable().await.is_ok() {
            match stream.try_read(&mut unread) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    };
    // Whoever still sends after that is not waiting for an answer.
    let _ = tokio::time::timeout(limit, drained).await;
}
