//! Searches, from the refresh before them to their last page.
//!
//! What a search finds was so at some moment since the refresh began. A scroll and a point in time show
//! what was so when they were opened, however much later that is.

use std::collections::BTreeSet;

use checker::{Action, Document, Outcome, ReadBy};
use serde_json::{Value, json};

use super::answer::{self, Members, parse};
use super::text::{encode, object};
use super::{Call, Dialect, Manner, Planned, Search, Walk};
use crate::transport::{Answer, Request};

/// How long a scroll or a point in time is to be kept: longer than any walk takes.
const KEEP_ALIVE: &str = "1h";
/// A search that has shown so many pages does not come to an end.
const PAGES_MAX: u32 = 10_000;

/// A refresh.
pub(crate) fn refresh(manner: &Manner, index: &str) -> Request {
    manner.request("POST", format!("/{}/_refresh", encode(index)), Vec::new())
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Refresh,
    /// Open a point in time.
    Open,
    /// Search: the first page, or one of a point in time.
    Search,
    /// The next page of a scroll.
    Scroll,
    /// Say that it was enough.
    Close,
    Over,
}

/// A search on its way.
pub(crate) struct Walking<'s> {
    manner: &'s Manner,
    search: &'s Search,
    dialect: Dialect,
    step: Step,
    pages: u32,
    /// The name of the scroll or the point in time.
    context: String,
    /// What was found, as far as it was shown.
    found: Vec<(Document, Outcome)>,
    /// Whether all of it was shown.
    is_whole: bool,
}

impl<'s> Walking<'s> {
    /// One that has not begun.
    pub(crate) fn new(manner: &'s Manner, search: &'s Search) -> Self {
        let dialect = manner.answered_in(&Call::Search(search.clone()));
        Self {
            manner,
            search,
            dialect,
            step: Step::Refresh,
            pages: 0,
            context: String::new(),
            found: Vec::new(),
            is_whole: false,
        }
    }

    /// The next request, unless it is over.
    pub(crate) fn next(&self) -> Option<Request> {
        let Self { manner, search, .. } = self;
        let index = encode(&search.index);
        let post = |path: String, body: Value| {
            Some(manner.request("POST", path, body.to_string().into_bytes()))
        };
        let delete = |path: &str, body: Value| {
            Some(manner.request("DELETE", path.to_owned(), body.to_string().into_bytes()))
        };
        match (&self.step, search.walk) {
            (Step::Refresh, _) => Some(refresh(manner, &search.index)),
            (Step::Open, _) => {
                let path = format!("/{index}/_pit?keep_alive={KEEP_ALIVE}");
                Some(manner.request("POST", path, Vec::new()))
            }
            (Step::Search, Walk::Once) => post(format!("/{index}/_search"), self.body()),
            (Step::Search, Walk::Scroll) => {
                post(format!("/{index}/_search?scroll={KEEP_ALIVE}"), self.body())
            }
            (Step::Search, Walk::PointInTime) => post("/_search".to_owned(), self.body()),
            (Step::Scroll, _) => {
                let body = json!({ "scroll": KEEP_ALIVE, "scroll_id": self.context });
                post("/_search/scroll".to_owned(), body)
            }
            (Step::Close, Walk::PointInTime) => delete("/_pit", json!({ "id": self.context })),
            (Step::Close, _) => delete("/_search/scroll", json!({ "scroll_id": [self.context] })),
            (Step::Over, _) => None,
        }
    }

    fn body(&self) -> Value {
        let Self { search, .. } = self;
        let mut members = vec![
            ("query", json!({ "ids": { "values": search.ids } })),
            ("version", Value::from(true)),
            ("size", Value::from(search.size)),
        ];
        if !self.dialect.is_old() {
            members.push(("seq_no_primary_term", Value::from(true)));
        }
        if search.walk == Walk::PointInTime {
            members.push(("pit", json!({ "id": self.context, "keep_alive": KEEP_ALIVE })));
            members.push(("from", Value::from(u64::from(self.pages) * search.size)));
        }
        object(members)
    }

    /// Whether the moment of everything that it will show lies behind it.
    pub(crate) fn is_fixed(&self) -> bool {
        match self.search.walk {
            Walk::PointInTime => !self.context.is_empty(),
            Walk::Once | Walk::Scroll => self.pages > 0,
        }
    }

    /// Takes the answer to the request.
    ///
    /// # Errors
    /// A reason when no server that speaks the dialect answers so.
    pub(crate) fn understand(&mut self, answer: &Answer) -> Result<(), String> {
        match answer.status {
            200 => {}
            // There is no such index; or what was found is gone, with its index or for want of room.
            404 | 429 | 500.. => {
                self.step = Step::Over;
                return Ok(());
            }
            other => return Err(format!("a search is not answered with {other}")),
        }
        let body = parse(answer)?;
        let members = Members::of(&body)?;
        self.step = match self.step {
            Step::Refresh if failed(members)? => Step::Over,
            Step::Refresh if self.search.walk == Walk::PointInTime => Step::Open,
            Step::Refresh => Step::Search,
            Step::Open => {
                members.text("id")?.clone_into(&mut self.context);
                Step::Search
            }
            Step::Search | Step::Scroll => self.page(members)?,
            Step::Close | Step::Over => Step::Over,
        };
        Ok(())
    }

    /// Takes a page, and tells what comes after it.
    fn page(&mut self, members: Members<'_>) -> Result<Step, String> {
        self.pages += 1;
        let is_part = failed(members)? || members.flag("timed_out")?;
        let hits = Members::of(members.get("hits")?)?.get("hits")?;
        let hits = hits.as_array().ok_or("[hits] is no array")?;
        let count = u64::try_from(hits.len()).unwrap_or(u64::MAX);
        if count > self.search.size {
            return Err(format!("{count} hits where {} were to be shown", self.search.size));
        }
        for hit in hits {
            self.hit(Members::of(hit)?)?;
        }
        if self.search.walk == Walk::Scroll {
            members.text("_scroll_id")?.clone_into(&mut self.context);
        }
        if is_part || self.pages >= PAGES_MAX {
            return Ok(Step::Over);
        }
        let is_last = match self.search.walk {
            // As many as there may be are asked for.
            Walk::Once => true,
            Walk::Scroll | Walk::PointInTime => count == 0,
        };
        self.is_whole = is_last;
        Ok(match (is_last, self.search.walk) {
            (true, Walk::Once) => Step::Over,
            (true, _) if self.search.closes => Step::Close,
            (true, _) => Step::Over,
            (false, Walk::Scroll) => Step::Scroll,
            (false, _) => Step::Search,
        })
    }

    /// Takes a hit.
    fn hit(&mut self, hit: Members<'_>) -> Result<(), String> {
        let (index, id) = (hit.text("_index")?.to_owned(), hit.text("_id")?.to_owned());
        let routing = match hit.find("_routing") {
            None => None,
            Some(_) => Some(hit.text("_routing")?.to_owned()),
        };
        if index != self.search.index || !self.search.ids.contains(&id) {
            return Err(format!("[{index}][{id}] is none of what was looked for"));
        }
        let document = Document { index, id, routing };
        if self.found.iter().any(|(known, _)| *known == document) {
            return Err(format!("[{document}] is shown twice"));
        }
        let outcome = answer::shown(self.dialect, hit)?;
        self.found.push((document, outcome));
        Ok(())
    }

    /// What it says of documents: those that it showed, and if it showed all, those that are not among
    /// them. Where one of an id is there, another of the same id may be the same by another name.
    pub(crate) fn findings(self) -> Vec<(Planned, Outcome)> {
        let Self { search, found, is_whole, .. } = self;
        let shown: BTreeSet<&str> =
            found.iter().map(|(document, _)| document.id.as_str()).collect();
        let mut missing = Vec::new();
        for id in search.ids.iter().filter(|id| is_whole && !shown.contains(id.as_str())) {
            for routing in &search.routings {
                let (index, id, routing) = (search.index.clone(), id.clone(), routing.clone());
                missing.push((Document { index, id, routing }, Outcome::Missing));
            }
        }
        let read = |(document, outcome)| {
            let action = Action::Read { version: None, by: ReadBy::Search };
            (Planned { document, action }, outcome)
        };
        found.into_iter().chain(missing).map(read).collect()
    }
}

/// Whether some shard has failed.
fn failed(members: Members<'_>) -> Result<bool, String> {
    Ok(Members::of(members.get("_shards")?)?.number("failed")? > 0)
}
