//! Who is waiting for which answers.

use tokio::sync::oneshot;

use crate::{WriteError, Written};

/// The answer to one write.
pub(crate) type Answer = Result<Written, WriteError>;

/// Where an answer belongs: a request, and the write's place in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    request: usize,
    write: usize,
}

/// The requests that have not been answered yet. A request is answered when all its writes are.
#[derive(Default)]
pub(crate) struct Replies {
    requests: Vec<Option<Waiting>>,
    free: Vec<usize>,
}

struct Waiting {
    answers: Vec<Option<Answer>>,
    missing: usize,
    reply: oneshot::Sender<Vec<Answer>>,
}

impl Replies {
    /// Takes in a request of `count` writes and returns a slot for each.
    pub(crate) fn open(
        &mut self,
        count: usize,
        reply: oneshot::Sender<Vec<Answer>>,
    ) -> impl Iterator<Item = Slot> + use<> {
        let request = self.free.pop().unwrap_or_else(|| {
            self.requests.push(None);
            self.requests.len() - 1
        });
        if count == 0 {
            // Nobody to wait for; a caller that hung up does not mind.
            let _ = reply.send(Vec::new());
            self.free.push(request);
        } else if let Some(waiting) = self.requests.get_mut(request) {
            let answers = (0..count).map(|_| None).collect();
            *waiting = Some(Waiting { answers, missing: count, reply });
        }
        (0..count).map(move |write| Slot { request, write })
    }

    /// Gives one answer, and sends the request's answers if it was the last.
    pub(crate) fn answer(&mut self, slot: Slot, answer: Answer) {
        let Some(entry) = self.requests.get_mut(slot.request) else { return };
        let Some(waiting) = entry else { return };
        let Some(place) = waiting.answers.get_mut(slot.write) else { return };
        debug_assert!(place.is_none(), "a write is answered once");
        *place = Some(answer);
        waiting.missing -= 1;
        if waiting.missing == 0
            && let Some(complete) = entry.take()
        {
            self.free.push(slot.request);
            complete.send(&WriteError::Closed);
        }
    }

    /// Answers whatever has no answer yet with `error`.
    pub(crate) fn fail_all(&mut self, error: &WriteError) {
        self.free.clear();
        for waiting in self.requests.drain(..).flatten() {
            waiting.send(error);
        }
    }
}

impl Waiting {
    fn send(self, otherwise: &WriteError) {
        let answers = self.answers.into_iter();
        let answers = answers.map(|answer| answer.unwrap_or_else(|| Err(otherwise.clone())));
        // The caller may have hung up: its writes are as they are.
        let _ = self.reply.send(answers.collect());
    }
}
