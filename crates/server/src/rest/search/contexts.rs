//! Searches that are kept: scrolls and points in time, bounded in number and in time.

use std::collections::HashMap;
use std::sync::Arc;

use document::Timestamp;
use node::{Found, Index, Moment, Node};
use parking_lot::Mutex;
use query::PointInTime;

use crate::rest::budget::Reservation;
use crate::rest::error::Error;

use super::Asked;
use super::failure::context_missing;
use super::request::parse_keep_alive;

/// How many may be open (`search.max_open_scroll_context`).
const OPEN_MAX: usize = 500;
/// How long one may be kept, in milliseconds (`search.max_keep_alive`).
const KEEP_ALIVE_MAX: i64 = 24 * 60 * 60 * 1_000;
/// How long one is kept where nothing is said.
const KEEP_ALIVE: i64 = 5 * 60 * 1_000;

/// The searches that are kept.
#[derive(Debug)]
pub(crate) struct Contexts {
    /// When this process began to keep them: the ids of earlier ones are none of these.
    era: i64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    by_number: HashMap<u64, Context>,
}

#[derive(Debug)]
struct Context {
    what: What,
    expires: i64,
    /// What it takes of the memory.
    _held: Reservation,
}

#[derive(Clone, Debug)]
enum What {
    Scroll(Arc<Scroll>),
    Moment(Arc<Moment>),
}

/// A search that is shown page by page.
#[derive(Debug)]
pub(crate) struct Scroll {
    /// What was asked.
    pub(crate) asked: Asked,
    /// Everything that was found.
    pub(crate) found: Found,
    /// Where.
    pub(crate) indices: Vec<Arc<Index>>,
    /// How many hits were shown.
    pub(crate) shown: Mutex<usize>,
}

/// What an id names.
const SCROLL: &str = "scroll";
const MOMENT: &str = "pit";

impl Contexts {
    /// None yet.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { era: now.as_millis(), kept: Mutex::default() }
    }

    /// Keeps a scroll, and says by which id.
    pub(crate) fn keep_scroll(
        &self,
        scroll: Scroll,
        keep_alive: i64,
        now: Timestamp,
        held: Reservation,
    ) -> Result<String, Error> {
        self.keep(SCROLL, What::Scroll(Arc::new(scroll)), keep_alive, now, held)
    }

    /// Keeps what was there at a moment, and says by which id.
    pub(crate) fn keep_moment(
        &self,
        moment: Moment,
        keep_alive: i64,
        now: Timestamp,
        held: Reservation,
    ) -> Result<String, Error> {
        self.keep(MOMENT, What::Moment(Arc::new(moment)), keep_alive, now, held)
    }

    fn keep(
        &self,
        kind: &str,
        what: What,
        keep_alive: i64,
        now: Timestamp,
        held: Reservation,
    ) -> Result<String, Error> {
        let mut kept = self.kept.lock();
        kept.expire(now);
        if kept.by_number.len() >= OPEN_MAX {
            let text = format!(
                "Trying to create too many scroll contexts. Must be less than or equal to: \
                 [{OPEN_MAX}]. This limit can be set by changing the \
                 [search.max_open_scroll_context] setting."
            );
            return Err(Error::TooManyContexts(text));
        }
        kept.last += 1;
        let number = kept.last;
        let expires = now.as_millis().saturating_add(keep_alive);
        kept.by_number.insert(number, Context { what, expires, _held: held });
        Ok(format!("{kind}-{:x}-{number:x}", self.era))
    }

    /// A scroll by its id, kept for longer if it says. It is gone with any of its indices.
    pub(crate) fn scroll(
        &self,
        node: &Node,
        id: &str,
        keep_alive: Option<i64>,
    ) -> Result<Arc<Scroll>, Error> {
        let number = self.number(SCROLL, id)?;
        match self.find(number, keep_alive, node.now()) {
            Some(What::Scroll(scroll))
                if scroll.indices.iter().all(|index| node.is_current(index)) =>
            {
                Ok(scroll)
            }
            Some(_) | None => Err(context_missing(&shown(number))),
        }
    }

    /// What was there at a moment. It is gone with any of the indices.
    pub(crate) fn moment(&self, node: &Node, pit: &PointInTime) -> Result<Arc<Moment>, Error> {
        let keep_alive = pit.keep_alive.as_deref().map(parse_keep_alive).transpose()?;
        match self.find(self.number(MOMENT, &pit.id)?, keep_alive, node.now()) {
            Some(What::Moment(moment)) if moment.indices().all(|index| node.is_current(index)) => {
                Ok(moment)
            }
            Some(_) | None => Err(self.moment_missing(pit)),
        }
    }

    /// What was there at a moment cannot be told any more.
    pub(crate) fn moment_missing(&self, pit: &PointInTime) -> Error {
        self.number(MOMENT, &pit.id)
            .map_or_else(|error| error, |number| context_missing(&shown(number)))
    }

    fn find(&self, number: Option<u64>, keep_alive: Option<i64>, now: Timestamp) -> Option<What> {
        let mut kept = self.kept.lock();
        kept.expire(now);
        let context = kept.by_number.get_mut(&number?)?;
        if let Some(keep_alive) = keep_alive {
            context.expires = now.as_millis().saturating_add(keep_alive);
        }
        Some(context.what.clone())
    }

    /// Gives up what has expired, also where nobody asks for anything any more.
    pub(crate) fn expire(&self, now: Timestamp) {
        self.kept.lock().expire(now);
    }

    /// Gives up a scroll; says whether it was there.
    pub(crate) fn drop_scroll(&self, id: &str, now: Timestamp) -> Result<bool, Error> {
        self.drop_context(SCROLL, id, now)
    }

    /// Gives up a moment; says whether it was there.
    pub(crate) fn drop_moment(&self, id: &str, now: Timestamp) -> Result<bool, Error> {
        self.drop_context(MOMENT, id, now)
    }

    fn drop_context(&self, kind: &str, id: &str, now: Timestamp) -> Result<bool, Error> {
        let number = self.number(kind, id)?;
        let mut kept = self.kept.lock();
        kept.expire(now);
        Ok(number.is_some_and(|number| kept.by_number.remove(&number).is_some()))
    }

    /// Gives up all scrolls; says how many there were.
    pub(crate) fn drop_scrolls(&self, now: Timestamp) -> usize {
        let mut kept = self.kept.lock();
        kept.expire(now);
        let before = kept.by_number.len();
        kept.by_number.retain(|_, context| !matches!(context.what, What::Scroll(_)));
        before - kept.by_number.len()
    }

    /// The number that an id means; none if it is of an earlier process.
    fn number(&self, kind: &str, id: &str) -> Result<Option<u64>, Error> {
        let hex = |text: &str| i128::from_str_radix(text, 16).ok();
        let parts: Option<(i128, i128)> = id.strip_prefix(kind).and_then(|rest| {
            let (era, number) = rest.strip_prefix('-')?.split_once('-')?;
            Some((hex(era)?, hex(number)?))
        });
        let Some((era, number)) = parts else {
            let what = if kind == SCROLL { "scroll" } else { "point in time" };
            return Err(Error::illegal_argument(format!("Cannot parse {what} id")));
        };
        Ok(u64::try_from(number).ok().filter(|_| era == i128::from(self.era)))
    }
}

impl Kept {
    /// Gives up what has expired.
    fn expire(&mut self, now: Timestamp) {
        self.by_number.retain(|_, context| context.expires > now.as_millis());
    }
}

/// A number as errors show it.
fn shown(number: Option<u64>) -> String {
    number.map_or_else(|| "0".to_owned(), |number| number.to_string())
}

/// How long a context is kept, within the bound.
pub(crate) fn bounded(keep_alive: Option<i64>, text: &str) -> Result<i64, Error> {
    let keep_alive = keep_alive.unwrap_or(KEEP_ALIVE);
    if keep_alive > KEEP_ALIVE_MAX {
        return Err(Error::illegal_argument(format!(
            "Keep alive for scroll ({text}) is too large. It must be less than (1d). This limit can \
             be set by changing the [search.max_keep_alive] cluster level setting."
        )));
    }
    // One that is gone at once could not even be asked for.
    Ok(keep_alive.max(1))
}

#[cfg(test)]
mod tests {
    use document::Timestamp;
    use node::Moment;

    use super::{Contexts, OPEN_MAX};
    use crate::rest::budget::Budget;
    use crate::rest::error::Error;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn keep(contexts: &Contexts, keep_alive: i64, now: i64) -> Result<String, Error> {
        let held = Budget::new(10).reserve_none("test");
        contexts.keep_moment(Moment::default(), keep_alive, at(now), held)
    }

    #[test]
    fn what_is_kept_expires() {
        let contexts = Contexts::new(at(7));
        let id = keep(&contexts, 100, 10).unwrap();
        assert!(contexts.drop_moment(&id, at(109)).unwrap());
        let id = keep(&contexts, 100, 10).unwrap();
        assert!(!contexts.drop_moment(&id, at(110)).unwrap());
    }

    #[test]
    fn only_so_many_are_kept_at_a_time() {
        let contexts = Contexts::new(at(7));
        for _ in 0..OPEN_MAX {
            keep(&contexts, 100, 10).unwrap();
        }
        let refused = keep(&contexts, 100, 10).unwrap_err();
        assert_eq!(refused.body().status.as_u16(), 429);
        assert!(keep(&contexts, 100, 110).is_ok());
    }

    #[test]
    fn an_id_of_another_process_or_kind_is_not_found() {
        let (contexts, earlier) = (Contexts::new(at(7)), Contexts::new(at(6)));
        let id = keep(&earlier, 100, 10).unwrap();
        keep(&contexts, 100, 10).unwrap();
        assert!(!contexts.drop_moment(&id, at(11)).unwrap());
        assert!(contexts.drop_scroll(&id, at(11)).is_err());
        for bad in ["", "pit", "pit-", "pit-x-1", "pit-1", "scroll-1-1"] {
            assert!(contexts.drop_moment(bad, at(11)).is_err(), "{bad}");
        }
    }
}
