//! Rollover: an alias goes to a new index when the old one has become large or old.

use std::sync::Arc;

use node::{Alias, DataStream, Index, NewIndex, Node, Rollover, parse_time_value};
use serde_json::{Map, Value, json};

use super::expression::take_timeouts;
use super::{has_enough, read_new_index, take_include_type_name};
use crate::rest::api::Call;
use crate::rest::error::{Error, human_bytes};
use crate::rest::json::set;
use crate::rest::response::Answer;

/// Lead an alias to a new index, if its conditions are met.
pub(super) async fn rollover(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let typed = take_include_type_name(call)?.unwrap_or(call.dialect.nests_mappings());
    let dry_run = call.parameters.take_flag("dry_run")?.unwrap_or(false);
    let lazy = call.parameters.take_flag("lazy")?.unwrap_or(false);
    let waits = call.parameters.take("wait_for_active_shards");
    take_timeouts(call)?;
    call.parameters.declare(&["alias", "new_index"]);
    call.finish_parameters()?;
    let mut body = call.json_body()?;
    let conditions = body.as_object_mut().and_then(|members| members.shift_remove("conditions"));
    let how = How { dry_run, lazy, typed, waits };
    for _ in 1..RACES_MAX {
        match how.attempt(node, call, body.clone(), conditions.as_ref()).await? {
            // Somebody else was quicker: what is asked for is asked of the index that is there now.
            Err(node::Error::Rollover(_)) => {}
            answered => return answered.map_err(|error| call.node_error(error)),
        }
    }
    let last = how.attempt(node, call, body, conditions.as_ref()).await?;
    last.map_err(|error| call.node_error(error))
}

/// How often a rollover begins again because another one came between.
const RACES_MAX: usize = 10;

/// How a rollover is to be made.
struct How {
    dry_run: bool,
    lazy: bool,
    typed: bool,
    waits: Option<String>,
}

impl How {
    /// Makes it, if its conditions are met. What the node refuses is told apart: it may pass.
    async fn attempt(
        &self,
        node: &Node,
        call: &Call<'_>,
        body: Value,
        conditions: Option<&Value>,
    ) -> Result<Result<Answer, node::Error>, Error> {
        let stream = node.data_stream(call.index());
        if self.lazy && (stream.is_none() || conditions.is_some()) {
            let text = "lazy rollovers are for data streams, and without conditions";
            return Err(Error::illegal_argument(text));
        }
        let step = match &stream {
            Some(stream) => Step::of_stream(node, stream, &body, call)?,
            None => Step::of_alias(node, body, self.typed, call)?,
        };
        let (old, mut new_name) = (Arc::clone(&step.old), step.new_name.clone());
        let met = check_conditions(node, &old, conditions)?;
        let replicas = match &step.new {
            Some(new) => new.settings.number_of_replicas(),
            None => old.metadata().settings.number_of_replicas(),
        };
        if stream.is_none()
            && let Err(error) = node.check_new_name(&new_name.as_str().into())
        {
            // Somebody who was quicker has taken the name.
            let leads = leader(node, call.index()).is_ok_and(|(now, _)| now.name() == old.name());
            let is_race = !leads && call.found.name.is_none();
            let raced = || node::Error::Rollover(format!("[{new_name}] was begun meanwhile"));
            return Ok(Err(if is_race { raced() } else { error }));
        }
        let rolls = !self.dry_run && (met.is_empty() || met.iter().any(|(_, met)| *met));
        let rolled = rolls && !self.lazy;
        if rolled {
            match step.take(node, call).await {
                Ok(index) => index.name().clone_into(&mut new_name),
                Err(error) => return Ok(Err(error)),
            }
        } else if rolls && let Err(error) = node.roll_over_on_write(call.index()).await {
            return Ok(Err(error));
        }
        let conditions: Map<String, Value> =
            met.into_iter().map(|(name, met)| (name, Value::Bool(met))).collect();
        let enough = rolled && has_enough(self.waits.as_deref(), replicas);
        let mut answer = json!({
            "acknowledged": rolls, "shards_acknowledged": enough, "old_index": old.name(),
            "new_index": new_name, "rolled_over": rolled, "dry_run": self.dry_run,
            "conditions": conditions,
        });
        if self.lazy {
            set(&mut answer, "lazy", Value::Bool(true));
        }
        Ok(Ok(Answer::value(&answer)))
    }
}

/// A rollover that may be made.
struct Step {
    /// The index that takes writes.
    old: Arc<Index>,
    /// The name of the one that will.
    new_name: String,
    /// What that is to be; a data stream has it from its template.
    new: Option<NewIndex>,
}

impl Step {
    /// An alias goes to a new index.
    fn of_alias(node: &Node, body: Value, typed: bool, call: &Call<'_>) -> Result<Self, Error> {
        let (old, _) = leader(node, call.index())?;
        let new_name = match call.found.name {
            Some(name) => node.resolve_name(name).map_err(|error| call.node_error(error))?,
            None => next_name(old.name())?,
        };
        let new =
            read_new_index(&new_name.as_str().into(), body, typed, call).map_err(|cause| {
                let reason = "failed to parse rollover request".to_owned();
                Error::Caused { kind: "parsing_exception", reason, cause: Box::new(cause) }
            })?;
        Ok(Self { old, new_name, new: Some(new) })
    }

    /// A data stream gets its next index.
    fn of_stream(
        node: &Node,
        stream: &DataStream,
        body: &Value,
        call: &Call<'_>,
    ) -> Result<Self, Error> {
        if call.found.name.is_some() {
            let text = "new index name may not be specified when rolling over a data stream";
            return Err(Error::illegal_argument(text));
        }
        if body.as_object().is_some_and(|members| !members.is_empty()) {
            let text = "aliases, mappings, and index settings may not be specified when rolling over \
                        a data stream";
            return Err(Error::illegal_argument(text));
        }
        // A stream without an index has lost it: its own name is then what is not found.
        let old = node.index(stream.write_index().map_or(stream.name.as_str(), |name| name));
        let old = old.map_err(|error| call.node_error(error))?;
        let new_name = node.next_index_of(stream).map_err(|error| call.node_error(error))?;
        Ok(Self { old, new_name, new: None })
    }

    /// Makes it.
    async fn take(self, node: &Node, call: &Call<'_>) -> Result<Arc<Index>, node::Error> {
        // The indices of a stream follow the rules of one dialect, whoever asks.
        let (old, dialect) = (self.old.name().to_owned(), self.old.mapping().settings().dialect);
        let named = call.index();
        match self.new {
            Some(new) => node.roll_over(Rollover { alias: named.to_owned(), old, new }).await,
            None => node.roll_over_data_stream(named, &old, dialect).await,
        }
    }
}

/// The index that an alias leads writes to.
fn leader(node: &Node, alias: &str) -> Result<(Arc<Index>, Alias), Error> {
    let Some(mut indices) = node.aliases().remove(alias) else {
        return Err(Error::illegal_argument(format!("source alias [{alias}] does not exist")));
    };
    let leading = indices.iter().position(|(_, alias)| alias.leads_writes());
    match (leading, indices.len()) {
        (Some(at), _) => Ok(indices.swap_remove(at)),
        (None, 1) => Ok(indices.swap_remove(0)),
        (None, _) => Err(Error::illegal_argument(format!(
            "source alias [{alias}] does not point to a write index"
        ))),
    }
}

/// Each condition as it is shown, and whether it is met.
fn check_conditions(
    node: &Node,
    index: &Index,
    given: Option<&Value>,
) -> Result<Vec<(String, bool)>, Error> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let members = given
        .as_object()
        .ok_or_else(|| Error::Parse("[conditions] must be an object".to_owned()))?;
    let age = node.now().as_millis().saturating_sub(index.metadata().created_millis);
    let bytes: u64 = index.shards().iter().map(|shard| shard.table().live_bytes()).sum();
    let largest = index.shards().iter().map(|shard| shard.table().live_bytes()).max();
    let largest_docs = index.shards().iter().map(|shard| shard.table().live()).max();
    let mut met = Vec::new();
    for (name, value) in members {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let bad =
            || Error::illegal_argument(format!("failed to parse [{name}] with value [{text}]"));
        let number = || text.parse::<u64>().map_err(|_| bad());
        let is_met = match name.as_str() {
            "max_docs" => index.documents() >= number()?,
            "min_docs" => index.documents() >= number()?,
            "max_primary_shard_docs" => largest_docs.unwrap_or(0) >= number()?,
            "max_age" | "min_age" => age >= parse_time_value(&text).map_err(|_| bad())?,
            "max_size" | "min_size" => bytes >= parse_bytes(&text).ok_or_else(bad)?,
            "max_primary_shard_size" => {
                largest.unwrap_or(0) >= parse_bytes(&text).ok_or_else(bad)?
            }
            other => {
                return Err(Error::Parse(format!("unknown rollover condition [{other}]")));
            }
        };
        let shown = parse_bytes(&text).filter(|_| name.ends_with("size")).map(human_bytes);
        met.push((format!("[{name}: {}]", shown.unwrap_or(text)), is_met));
    }
    Ok(met)
}

/// A size in bytes with its unit.
fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let units = [
        ("kb", 10),
        ("mb", 20),
        ("gb", 30),
        ("tb", 40),
        ("pb", 50),
        ("k", 10),
        ("m", 20),
        ("g", 30),
        ("b", 0),
    ];
    let (number, shift) =
        units.into_iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))?;
    number.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// The name with its number one higher, in six digits.
fn next_name(name: &str) -> Result<String, Error> {
    let numbered = name.rsplit_once('-').and_then(|(head, digits)| {
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let next = digits.parse::<u64>().ok()?.checked_add(1)?;
        is_number.then(|| format!("{head}-{next:06}"))
    });
    numbered.ok_or_else(|| {
        Error::illegal_argument(format!("index name [{name}] does not match pattern '^.*-\\d+$'"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_on() {
        assert_eq!(next_name("logs-1").unwrap(), "logs-000002");
        assert_eq!(next_name("a-b-000999").unwrap(), "a-b-001000");
        assert!(next_name("logs").is_err());
        assert!(next_name("logs-x1").is_err());
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("1kb", Some(1_024)),
            ("5GB", Some(5 << 30)),
            ("7b", Some(7)),
            ("7", None),
            ("99999999pb", None),
        ] {
            assert_eq!(parse_bytes(text), bytes, "{text}");
        }
    }
}
