//! What a full disk costs, over HTTP: on a log that has no room while the test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use serde_json::{Value, json};
use server::http::guard::Guard;
use server::http::{Limits, handler};
use shard::log::memory::MemoryLog;
use shard::log::{
    AppendError, BoxFuture, Durability, Entry, Log, LogError, LogProvider, LogStatistics, Logs,
    Position, Refused, Relocate, Replay, Stream, StreamId,
};
use tokio::sync::OnceCell;

use crate::api::open_on;
use crate::client::{Client, Reply, bare, bulk, json as json_request};
use crate::server::Server;

/// A log, its streams and one of them, each the one in memory but for the room.
struct Disk<T>(T, Arc<AtomicBool>);

impl LogProvider for Disk<MemoryLog> {
    fn open(self: Box<Self>, replay: &mut dyn Replay) -> Result<Arc<dyn Logs>, LogError> {
        let Self(log, is_full) = *self;
        Ok(Arc::new(Disk(Box::new(log).open(replay)?, is_full)))
    }
}

impl Disk<Arc<dyn Logs>> {
    fn on_it(&self, stream: Stream) -> Stream {
        Stream { log: Arc::new(Disk(stream.log, Arc::clone(&self.1))), ..stream }
    }
}

impl Logs for Disk<Arc<dyn Logs>> {
    fn stream(&self, id: StreamId) -> Option<Stream> {
        self.0.stream(id).map(|stream| self.on_it(stream))
    }

    fn create(&self, id: StreamId) -> BoxFuture<'_, Result<Stream, AppendError>> {
        Box::pin(async move {
            if self.1.load(SeqCst) {
                let why = "cannot write [segment-1]: No space left on device (os error 28)";
                return Err(AppendError::Refused(Refused::NoRoom(why.into())));
            }
            self.0.create(id).await.map(|stream| self.on_it(stream))
        })
    }

    fn remove(&self, id: StreamId) {
        self.0.remove(id);
    }

    fn stop_collecting(&self) -> BoxFuture<'_, ()> {
        self.0.stop_collecting()
    }

    fn collect(&self, relocate: Arc<dyn Relocate>) {
        self.0.collect(relocate);
    }

    fn statistics(&self) -> LogStatistics {
        LogStatistics { is_full: self.1.load(SeqCst), ..self.0.statistics() }
    }

    fn failed(&self) -> BoxFuture<'static, String> {
        self.0.failed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), LogError>> {
        self.0.close()
    }
}

impl Log for Disk<Arc<dyn Log>> {
    fn append<'a>(
        &'a self,
        entry: &'a Entry,
        expected: Position,
    ) -> BoxFuture<'a, Result<Position, AppendError>> {
        self.0.append(entry, expected)
    }

    fn read_from(&self, from: Position) -> BoxFuture<'_, Result<Vec<(Position, Entry)>, LogError>> {
        self.0.read_from(from)
    }

    fn barrier(&self) -> BoxFuture<'_, Result<(), LogError>> {
        self.0.barrier()
    }

    fn set_durability(&self, durability: Durability) {
        self.0.set_durability(durability);
    }

    fn has_room(&self) -> bool {
        !self.1.load(SeqCst)
    }

    fn delay(&self, bytes: usize) -> std::time::Duration {
        self.0.delay(bytes)
    }

    fn release(&self, position: Position) {
        self.0.release(position);
    }
}

fn start() -> (Server, Arc<AtomicBool>) {
    let is_full = Arc::new(AtomicBool::new(false));
    let (api, switch) = (Arc::new(OnceCell::new()), Arc::clone(&is_full));
    let answer = handler(move |request| {
        let (api, is_full) = (Arc::clone(&api), Arc::clone(&is_full));
        async move {
            let open = || open_on(Box::new(Disk(MemoryLog::default(), is_full)));
            api.get_or_init(open).await.handle(request).await
        }
    });
    (Server::with(answer, Limits::default(), Guard::default(), None), switch)
}

#[track_caller]
fn check_full(error: &Value, what: &str, why: &str) {
    assert_eq!(error["type"], "unavailable_shards_exception");
    let expected = format!(
        "{what} has no room: {why}. Deletes still work, and other writes work again as soon as there \
         is room, without a restart"
    );
    assert_eq!(error["reason"], expected);
}

#[track_caller]
fn check_refused(reply: &Reply, what: &str, why: &str) {
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(reply.header("x-occam-outcome"), Some("not-applied"));
    check_full(&reply.json()["error"], what, why);
}

#[test]
fn a_full_disk_refuses_what_adds_and_resumes_by_itself() {
    const FULL: &str = "the disk is full";
    let (server, is_full) = start();
    let mut client = Client::connect(&server);
    for id in 1..=3 {
        let path = format!("/a/_doc/{id}");
        assert_eq!(client.ask(json_request("PUT", &path, &json!({"id": id}))).status, 201);
    }
    let mut disk = || client.ask(bare("GET", "/_health_report/disk")).json()["indicators"].take();
    assert_eq!(disk()["disk"]["status"], "green");
    is_full.store(true, SeqCst);
    assert_eq!(disk()["disk"]["status"], "red");
    let source = json!({"id": 4});
    for (method, path, body) in [
        ("PUT", "/a/_doc/4", &source),
        ("PUT", "/a/_create/4", &source),
        ("POST", "/a/_update/1", &json!({"doc": {"n": 1}})),
    ] {
        check_refused(&client.ask(json_request(method, path, body)), "[a][0]", FULL);
    }
    let lines = "{\"index\":{\"_id\":\"4\"}}\n{}\n{\"delete\":{\"_id\":\"1\"}}\n\
                 {\"index\":{\"_index\":\"b\"}}\n{}\n";
    let answer = client.ask(bulk("/a/_bulk", lines));
    assert_eq!(answer.status, 200);
    let items = &answer.json()["items"];
    check_full(&items[0]["index"]["error"], "[a][0]", FULL);
    assert_eq!(items[0]["index"]["error"]["outcome"], "not-applied");
    assert_eq!(
        (&items[0]["index"]["status"], &items[1]["delete"]["status"]),
        (&json!(503), &json!(200))
    );
    assert_eq!(items[2]["index"]["status"], 503, "its index cannot be created");
    let created = client.ask(json_request("PUT", "/b", &json!({})));
    check_refused(&created, "the catalogue of indices", FULL);
    assert_eq!(client.ask(bare("HEAD", "/b")).status, 404);

    assert_eq!(client.ask(bare("DELETE", "/a/_doc/2")).status, 200, "deletes make room");
    assert_eq!(client.ask(bare("GET", "/a/_source/3")).json(), json!({"id": 3}));
    assert_eq!(client.ask(bare("GET", "/_cluster/health/a")).json()["status"], "yellow");
    is_full.store(false, SeqCst);
    assert_eq!(client.ask(json_request("PUT", "/a/_doc/4", &source)).status, 201);
    assert_eq!(client.ask(json_request("PUT", "/b", &json!({}))).status, 200);
    assert_eq!(client.ask(bare("DELETE", "/b")).status, 200);
}
