//! The parameters that all writes share (spec document-api §1.2).

use node::{NamedBy, Node, Settings};

use super::api::Call;
use super::error::Error;

/// What a write asks for besides the write itself.
#[derive(Clone, Debug)]
pub(crate) struct WriteParameters {
    /// The routing, or in old dialects the parent in its place.
    pub(crate) routing: Option<String>,
    /// Whether searches must see it at once.
    pub(crate) forced_refresh: bool,
    /// Whether the answer waits until searches see it.
    waits_for_refresh: bool,
    /// What the name of the index must be.
    pub(crate) named_by: NamedBy,
    active_shards: ActiveShards,
    timeout: String,
}

/// How many copies of a shard must be active (`wait_for_active_shards`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActiveShards {
    All,
    AtLeast(u32),
}

impl ActiveShards {
    fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "all" => Ok(Self::All),
            number if number.parse::<i64>().is_ok_and(|number| number < 0) => {
                Err(Error::illegal_argument("shard count cannot be a negative value"))
            }
            number => number.parse().map(Self::AtLeast).map_err(|_| {
                Error::not_a_number(format!("cannot parse ActiveShardCount[{text}]"), text)
            }),
        }
    }
}

impl WriteParameters {
    /// Takes them.
    pub(crate) fn take(call: &mut Call<'_>) -> Result<Self, Error> {
        let parameters = &mut call.parameters;
        let routing = parameters.take("routing").filter(|routing| !routing.is_empty());
        parameters.take_time("timeout")?;
        // As sent, for the complaint.
        let timeout = parameters.take("timeout").unwrap_or_else(|| "1m".to_owned());
        let active_shards = match parameters.take("wait_for_active_shards") {
            Some(text) => ActiveShards::parse(&text)?,
            None => ActiveShards::AtLeast(0),
        };
        let named_by = NamedBy {
            alias: parameters.take_flag("require_alias")?.unwrap_or(false),
            data_stream: parameters.take_flag("require_data_stream")?.unwrap_or(false),
        };
        parameters.take_flag("include_source_on_error")?;
        let mut parent = None;
        if call.dialect.allows_old_metadata_names() {
            for ignored in ["consistency", "timestamp", "ttl"] {
                parameters.take(ignored);
            }
            parent = parameters.take("parent");
        }
        Ok(Self {
            routing: routing.or(parent),
            forced_refresh: take_refresh(call)?,
            waits_for_refresh: call.parameters.take("refresh").as_deref() == Some("wait_for"),
            named_by,
            active_shards,
            timeout,
        })
    }

    /// Whether searches see the write before it is answered. Nobody else might refresh where writes
    /// wait for that, so `wait_for` does not wait but refreshes.
    pub(crate) const fn refreshes(&self) -> bool {
        self.forced_refresh || self.waits_for_refresh
    }

    /// Refuses a write that wants more copies than one node has. Nothing here can change while it
    /// would wait, so it does not.
    pub(crate) fn check_copies(&self, node: &Node, index: &str) -> Result<(), Error> {
        if self.active_shards == ActiveShards::AtLeast(0) {
            return Ok(());
        }
        let replicas = node.index_for_writes(index).map_or_else(
            || Settings::default().number_of_replicas(),
            |index| index.metadata().settings.number_of_replicas(),
        );
        let (shown, needed) = match self.active_shards {
            ActiveShards::All => ("ALL".to_owned(), replicas.saturating_add(1)),
            ActiveShards::AtLeast(count) => (count.to_string(), count),
        };
        if needed <= 1 {
            return Ok(());
        }
        let reason = format!(
            "[{index}][0] Not enough active copies to meet shard count of [{shown}] (have 1, needed \
             {needed}). Timeout: [{}], request: [a write on {index}]",
            self.timeout
        );
        Err(Error::NotEnoughCopies { reason })
    }
}

fn take_refresh(call: &mut Call<'_>) -> Result<bool, Error> {
    let Some(text) = call.parameters.take("refresh") else { return Ok(false) };
    match text.as_str() {
        "true" | "" => Ok(true),
        "false" | "wait_for" => Ok(false),
        other if call.dialect.allows_old_metadata_names() => {
            Ok(call.dialect.parse_boolean(other).unwrap_or(false))
        }
        other => Err(Error::illegal_argument(format!("Unknown value for refresh: [{other}]."))),
    }
}

/// Takes `pipeline`: there are none, so any name but `_none` is refused. Returns the rule that an
/// empty one breaks (I6).
pub(crate) fn take_pipeline(call: &mut Call<'_>) -> Result<Option<String>, Error> {
    match call.parameters.take("pipeline").as_deref() {
        None | Some("_none") => Ok(None),
        Some("") => Ok(Some("pipeline cannot be an empty string".to_owned())),
        Some(name) => Err(missing_pipeline(name)),
    }
}

pub(crate) fn missing_pipeline(name: &str) -> Error {
    Error::illegal_argument(format!("pipeline with id [{name}] does not exist"))
}
