//! Random clients against the server's API in one process, on a log in memory, judged by the checker.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use checker::{Action, Condition, History, Life, Moment, Outcome, ReadBy, check};
use document::Timestamp;
use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use node::{Node, NodeOptions};
use server::rest::api::Api;
use server::rest::budget::Budget;
use server::rest::dialect::{Dialect, DialectDefaults};
use shard::{Machine, log::memory::MemoryLog};
use workload::{
    Answer, BoxFuture, Client, Moments, Plan, Random, Recording, Request, Sleeper, Transport,
    Unanswered, World,
};

/// One clock for the server and the history. It stands still for many readings, so that the moment of
/// a decision is often known to the millisecond.
#[derive(Default)]
struct Time {
    order: AtomicU64,
    millis: AtomicI64,
}

impl shard::Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(SeqCst))
    }
}

impl Moments for Time {
    fn now(&self) -> Moment {
        let order = self.order.fetch_add(1, SeqCst);
        if order.is_multiple_of(32) {
            self.millis.fetch_add(1, SeqCst);
        }
        Moment { order, wall_millis: self.millis.load(SeqCst) }
    }
}

/// Gives way to others a few times, more often for longer times.
struct Yields;

impl Sleeper for Yields {
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            for _ in 0..duration.as_micros() / 200 {
                tokio::task::yield_now().await;
            }
        })
    }
}

struct Numbers(AtomicU64);

impl node::Random for Numbers {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = Random::new(self.0.fetch_add(1, SeqCst)).number().to_le_bytes();
            for (byte, from) in chunk.iter_mut().zip(number) {
                *byte = from;
            }
        }
    }
}

/// The API, called in the process. What is begun goes on to its end, as the real server sees to.
struct InProcess {
    api: Api,
    life: u32,
}

impl Transport for InProcess {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Answer, Unanswered>> {
        let api = self.api.clone();
        let task = tokio::spawn(async move { answer(&api, request).await });
        Box::pin(async move { Ok(task.await.unwrap()) })
    }

    fn life(&self) -> u32 {
        self.life
    }
}

async fn answer(api: &Api, request: Request) -> Answer {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let name: HeaderName = name.parse().unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let pinned = request.listener.pinned().and_then(|n| Dialect::compatible_with(n.into()));
    let method = Method::from_bytes(request.method.as_bytes()).unwrap();
    let target = request.target.parse().unwrap();
    let budget = Budget::new(u64::MAX);
    let body = Bytes::from(request.body);
    let request = server::rest::Request::new(method, target, &headers, body, pinned, budget);
    let response = api.handle(request.unwrap()).await;
    Answer {
        status: response.status.as_u16(),
        outcome_header: response.outcome.map(|outcome| outcome.as_str().to_owned()),
        body: response.body.to_vec(),
    }
}

fn options() -> NodeOptions {
    NodeOptions {
        cluster_name: "c".to_owned(),
        node_name: "n".to_owned(),
        auto_create: node::AutoCreate::All,
        table_bytes_max: u64::MAX,
    }
}

/// What `clients` do and are told in some lives of a server.
fn history(seed: u64, plan: &Plan, clients: u32, lives: u32, requests: u64) -> History {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let time = Arc::new(Time::default());
        let random = Arc::new(Numbers(AtomicU64::new(seed)));
        let log = MemoryLog::default();
        let recording = Recording::default();
        let mut clients: Vec<Client> =
            (0..clients).map(|n| Client::new(n, seed << 8 | u64::from(n))).collect();
        for number in 0..lives {
            let started = Moments::now(&*time);
            let clock: Arc<dyn shard::Clock> = Arc::<Time>::clone(&time);
            let source: Arc<dyn node::Random> = Arc::<Numbers>::clone(&random);
            let ready =
                Node::start(Box::new(log.clone()), Machine::with_clock(clock), source, options())
                    .await
                    .unwrap();
            let api = Api::new(Arc::clone(&ready.node), DialectDefaults::default());
            let transport = InProcess { api, life: number };
            let world = World {
                transport: &transport,
                moments: &*time,
                sleeper: &Yields,
                recording: &recording,
                plan,
            };
            let runs = clients.iter_mut().map(|client| client.run(world, requests));
            for end in futures_util::future::join_all(runs).await {
                end.unwrap_or_else(|misunderstood| panic!("seed {seed}: {misunderstood}"));
            }
            ready.node.close().await.unwrap();
            let stopped = Some((Moments::now(&*time), checker::Ending::Clean));
            recording.life(Life { number, started, stopped });
        }
        recording.take()
    })
}

fn judge(seed: u64, history: &History) {
    if let Err(violations) = check(history) {
        let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
        panic!("seed {seed}:\n{}", told.join("\n"));
    }
}

#[test]
fn the_server_keeps_its_promises_in_a_process() {
    for seed in 0..40 {
        judge(seed, &history(seed, &Plan::default(), 5, 3, 60));
    }
}

#[test]
fn searches_keep_them_too() {
    let mut plan = Plan { page_micros_max: 2_000, ..Plan::default() };
    (plan.weights.search, plan.weights.by_query) = (12, 12);
    let (mut found, mut written) = (0, 0);
    for seed in 0..20 {
        let history = history(seed, &plan, 5, 2, 60);
        judge(seed, &history);
        for operation in &history.operations {
            match (&operation.action, &operation.outcome) {
                (Action::Read { by: ReadBy::Search, .. }, Outcome::Found { .. }) => found += 1,
                (
                    Action::Delete { condition: Condition::Holds(_) }
                    | Action::Update { condition: Condition::Holds(_), .. },
                    Outcome::Written { .. },
                ) => written += 1,
                (_, _) => {}
            }
        }
    }
    assert!(found > 1_000 && written > 100, "{found} found, {written} written by query");
}

#[test]
fn a_seed_leads_to_the_same_history_every_time() {
    let run = || history(7, &Plan::default(), 4, 2, 50);
    assert_eq!(run(), run());
}
