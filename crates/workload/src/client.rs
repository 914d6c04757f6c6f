//! One client: chooses, sends, understands, notes.

use std::time::Duration;

use checker::{IndexAction, IndexOperation, IndexOutcome, Moment, Operation, Outcome};
use futures_util::future::{Either, select};

use crate::memory::Memory;
use crate::plan::{Chooser, Plan};
use crate::recording::Recording;
use crate::transport::{Answer, Moments, Request, Sleeper, Transport, Unanswered};
use crate::wire::search::{Walking, refresh};
use crate::wire::{Call, Manner, Misunderstood, Planned, Search, index_outcome, outcomes, request};

/// What a client works with.
#[derive(Clone, Copy)]
pub struct World<'w> {
    /// The way to the server.
    pub transport: &'w dyn Transport,
    /// The moments of the history.
    pub moments: &'w dyn Moments,
    /// How it waits.
    pub sleeper: &'w dyn Sleeper,
    /// Where it notes what it does.
    pub recording: &'w Recording,
    /// What it is like.
    pub plan: &'w Plan,
}

/// How a client's run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It did all it was to do.
    Done,
    /// There is no server any more.
    ServerGone,
}

/// A random client. It outlives the server's lives.
#[derive(Clone, Debug)]
pub struct Client {
    number: u32,
    requests: u64,
    chooser: Chooser,
    memory: Memory,
}

/// What came back.
enum Came {
    Answer(Answer),
    /// Nothing; whether the request may have reached the server.
    Nothing(&'static str, bool),
}

impl Client {
    /// The client of this number and seed.
    #[must_use]
    pub fn new(number: u32, seed: u64) -> Self {
        let chooser = Chooser::new(number, seed);
        Self { number, requests: 0, chooser, memory: Memory::default() }
    }

    /// Makes so many requests, or fewer if the server goes.
    ///
    /// # Errors
    /// [`Misunderstood`] when an answer is none that the dialect has.
    pub async fn run(&mut self, world: World<'_>, requests: u64) -> Result<Finish, Misunderstood> {
        for _ in 0..requests {
            let (manner, call) = self.chooser.next(world.plan, &self.memory);
            if self.call(world, &manner, call).await? == Finish::ServerGone {
                return Ok(Finish::ServerGone);
            }
            let rest = self.chooser.random().below(world.plan.rest_micros_max.saturating_add(1));
            if rest > 0 {
                world.sleeper.sleep(Duration::from_micros(rest)).await;
            }
        }
        Ok(Finish::Done)
    }

    /// Makes one request, as it is told.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn call(
        &mut self,
        world: World<'_>,
        manner: &Manner,
        call: Call,
    ) -> Result<Finish, Misunderstood> {
        self.requests += 1;
        let number = u64::from(self.number) << 32 | self.requests;
        match &call {
            Call::Index { index, action } => {
                self.call_index(world, manner, &call, number, index, action).await
            }
            Call::One(_) | Call::Bulk(_) | Call::MultiGet(_) => {
                self.call_documents(world, manner, &call, number).await
            }
            Call::ByQuery { index, .. } => {
                // Otherwise there would be little to find yet.
                let refresh = refresh(manner, index);
                if let Came::Nothing(_, is_lost) = self.exchange(world, refresh, false).await {
                    return Ok(if is_lost { Finish::Done } else { Finish::ServerGone });
                }
                self.call_documents(world, manner, &call, number).await
            }
            Call::Search(search) => self.call_search(world, manner, search, number).await,
        }
    }

    /// A search, from its refresh to its last page.
    async fn call_search(
        &mut self,
        world: World<'_>,
        manner: &Manner,
        search: &Search,
        number: u64,
    ) -> Result<Finish, Misunderstood> {
        let mut walking = Walking::new(manner, search);
        let began = world.moments.now();
        let (mut ended, mut finish) = (None, Finish::Done);
        while let Some(sent) = walking.next() {
            match self.exchange(world, sent.clone(), false).await {
                Came::Answer(answer) => {
                    let understood = walking.understand(&answer);
                    understood.map_err(|why| misunderstood(why, &sent, &answer))?;
                }
                Came::Nothing(_, is_lost) => {
                    // What it has shown counts.
                    finish = if is_lost { Finish::Done } else { Finish::ServerGone };
                    break;
                }
            }
            if walking.is_fixed() && ended.is_none() {
                ended = Some(world.moments.now());
            }
            let rest = self.chooser.random().below(world.plan.page_micros_max.saturating_add(1));
            if rest > 0 {
                world.sleeper.sleep(Duration::from_micros(rest)).await;
            }
        }
        let dialect = manner.answered_in(&Call::Search(search.clone())).number();
        let (planned, outcomes): (Vec<Planned>, Vec<Outcome>) =
            walking.findings().into_iter().unzip();
        let operations = (0..).zip(&planned).map(|(item, planned)| Operation {
            client: self.number,
            request: number,
            item,
            life: world.transport.life(),
            dialect,
            began,
            ended,
            document: planned.document.clone(),
            action: planned.action.clone(),
            outcome: Outcome::Missing,
        });
        let begun = world.recording.begin(operations.collect());
        for (planned, outcome) in planned.iter().zip(&outcomes) {
            self.memory.learn(&planned.document, &planned.action, outcome);
        }
        world.recording.end(begun, ended, outcomes);
        Ok(finish)
    }

    async fn call_documents(
        &mut self,
        world: World<'_>,
        manner: &Manner,
        call: &Call,
        number: u64,
    ) -> Result<Finish, Misunderstood> {
        let sent = request(manner, call);
        let dialect = manner.answered_in(call).number();
        let (client, life) = (self.number, world.transport.life());
        let began = world.moments.now();
        let in_flight = || Outcome::Unknown { reason: "the client was stopped".to_owned() };
        let operations = (0..).zip(call.planned()).map(|(item, planned)| Operation {
            client,
            request: number,
            item,
            life,
            dialect,
            began,
            ended: None,
            document: planned.document.clone(),
            action: planned.action.clone(),
            outcome: in_flight(),
        });
        let begun = world.recording.begin(operations.collect());
        let came = self.exchange(world, sent.clone(), true).await;
        let ended = world.moments.now();
        let all = |outcome: Outcome| call.planned().iter().map(|_| outcome.clone()).collect();
        let (ended, outcomes, finish): (Option<Moment>, Vec<Outcome>, Finish) = match came {
            Came::Answer(answer) => {
                let understood = outcomes(manner, call, &answer);
                let outcomes = understood.map_err(|why| misunderstood(why, &sent, &answer))?;
                (Some(ended), outcomes, Finish::Done)
            }
            Came::Nothing(why, true) => {
                (None, all(Outcome::Unknown { reason: why.to_owned() }), Finish::Done)
            }
            Came::Nothing(why, false) => {
                let outcome = Outcome::NotApplied { reason: why.to_owned() };
                (Some(ended), all(outcome), Finish::ServerGone)
            }
        };
        for (planned, outcome) in call.planned().iter().zip(&outcomes) {
            self.memory.learn(&planned.document, &planned.action, outcome);
        }
        world.recording.end(begun, ended, outcomes);
        Ok(finish)
    }

    async fn call_index(
        &mut self,
        world: World<'_>,
        manner: &Manner,
        call: &Call,
        number: u64,
        index: &str,
        action: &IndexAction,
    ) -> Result<Finish, Misunderstood> {
        let sent = request(manner, call);
        let began = world.moments.now();
        let begun = world.recording.begin_index(IndexOperation {
            client: self.number,
            request: number,
            life: world.transport.life(),
            began,
            ended: None,
            index: index.to_owned(),
            action: action.clone(),
            outcome: IndexOutcome::Unknown { reason: "the client was stopped".to_owned() },
        });
        // A deletion that may or may not have happened leaves little to be sure of: no hanging up.
        let is_deletion = *action == IndexAction::Delete;
        let came = self.exchange(world, sent.clone(), !is_deletion).await;
        let ended = world.moments.now();
        let (ended, outcome, finish) = match came {
            Came::Answer(answer) => {
                let understood = index_outcome(action, &answer);
                let outcome = understood.map_err(|why| misunderstood(why, &sent, &answer))?;
                (Some(ended), outcome, Finish::Done)
            }
            Came::Nothing(why, true) => {
                (None, IndexOutcome::Unknown { reason: why.to_owned() }, Finish::Done)
            }
            Came::Nothing(why, false) => {
                let outcome = IndexOutcome::NotApplied { reason: why.to_owned() };
                (Some(ended), outcome, Finish::ServerGone)
            }
        };
        // Half of the clients go on with what they remember, and find that it counts no more.
        let forgets = self.number.is_multiple_of(2);
        if forgets && is_deletion && outcome == IndexOutcome::Done {
            self.memory.forget(index);
        }
        world.recording.end_index(begun, ended, outcome);
        Ok(finish)
    }

    /// Sends, and hangs up now and then where it may.
    async fn exchange(&mut self, world: World<'_>, sent: Request, may_hang_up: bool) -> Came {
        let plan = world.plan;
        let random = self.chooser.random();
        let hangs_up = random.percent(plan.hang_up_percent) && may_hang_up;
        let after = Duration::from_micros(random.below(plan.hang_up_micros_max.saturating_add(1)));
        let answer = world.transport.send(sent);
        let answered = if hangs_up {
            match select(answer, world.sleeper.sleep(after)).await {
                Either::Left((answered, _)) => answered,
                Either::Right(((), _)) => return Came::Nothing("the client hung up", true),
            }
        } else {
            answer.await
        };
        match answered {
            Ok(answer) => Came::Answer(answer),
            Err(Unanswered::NotSent) => Came::Nothing("it was not sent", false),
            Err(Unanswered::Lost) => Came::Nothing("the connection was lost", true),
        }
    }
}

fn misunderstood(why: String, sent: &Request, answer: &Answer) -> Misunderstood {
    let headers = sent.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    let headers: String = headers.collect();
    let body = String::from_utf8_lossy(&sent.body);
    let request =
        format!("{} {} to {:?}\n{headers}{body}", sent.method, sent.target, sent.listener);
    let header = answer.outcome_header.as_deref().unwrap_or("-");
    let body = String::from_utf8_lossy(&answer.body);
    Misunderstood { why, request, answer: format!("{}, outcome {header}\n{body}", answer.status) }
}
