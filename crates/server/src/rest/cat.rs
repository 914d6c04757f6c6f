//! `_cat`: the cluster as tables (spec index-and-cluster-api §3).

mod columns;
mod empty;
mod indices;
mod nodes;
mod shards;

use std::collections::BTreeMap;

use hyper::StatusCode;
use node::{Node, TemplateKind, matches_glob};

use super::api::Call;
use super::dialect::Dialect;
use super::error::{Error, human_bytes};
use super::index::take_timeouts;
use super::mapping::rules;
use super::response::Answer;
use super::tasks::Tasks;
use super::text_table::{Column, TextTable};

/// The tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Which tables there are.
    List,
    /// Aliases.
    Aliases,
    /// Shards and disk by node.
    Allocation,
    /// Component templates.
    ComponentTemplates,
    /// How many documents.
    Count,
    /// Memory of fields.
    Fielddata,
    /// Health.
    Health,
    /// Indices.
    Indices,
    /// The node that leads.
    Master,
    /// Attributes of nodes.
    NodeAttributes,
    /// Nodes.
    Nodes,
    /// What waits to be decided.
    PendingTasks,
    /// Plugins.
    Plugins,
    /// How shards came to be.
    Recovery,
    /// Repositories of snapshots.
    Repositories,
    /// Segments.
    Segments,
    /// Shards.
    Shards,
    /// Snapshots.
    Snapshots,
    /// What runs.
    Tasks,
    /// Templates.
    Templates,
    /// Thread pools.
    ThreadPool,
}

/// Answers.
pub(crate) async fn answer(
    table: Table,
    node: &Node,
    call: &mut Call<'_>,
    running: &Tasks,
) -> Result<Answer, Error> {
    call.parameters.take_flag("local")?;
    call.parameters.declare(&["name", "node_id", "fields", "thread_pool_patterns", "repository"]);
    match table {
        Table::List => list(call),
        Table::Aliases => aliases(node, call),
        Table::Allocation => nodes::allocation(node, call),
        Table::ComponentTemplates => component_templates(node, call),
        Table::Count => indices::count(node, call).await,
        Table::Fielddata => indices::fielddata(node, call),
        Table::Health => nodes::health(node, call),
        Table::Indices => indices::indices(node, call),
        Table::Master => nodes::master(node, call),
        Table::NodeAttributes => nodes::attributes(node, call),
        Table::Nodes => nodes::nodes(node, call),
        Table::PendingTasks => empty::pending_tasks(call),
        Table::Plugins => empty::plugins(call),
        Table::Recovery => shards::recovery(node, call),
        Table::Repositories => empty::repositories(call),
        Table::Segments => shards::segments(node, call),
        Table::Shards => shards::shards(node, call),
        Table::Snapshots => empty::snapshots(call),
        Table::Tasks => nodes::tasks(node, call, running),
        Table::Templates => templates(node, call),
        Table::ThreadPool => nodes::thread_pool(node, call),
    }
}

/// In which unit byte counts are shown; words unless a unit is asked for.
#[derive(Clone, Copy, Debug)]
struct Bytes(Option<u32>);

impl Bytes {
    /// Takes `bytes`, and `time`, which has nothing to change.
    fn take(call: &mut Call<'_>) -> Result<Self, Error> {
        call.parameters.take("time");
        let Some(unit) = call.parameters.take("bytes") else { return Ok(Self(None)) };
        let shift = match unit.as_str() {
            "b" => 0,
            "k" | "kb" => 10,
            "m" | "mb" => 20,
            "g" | "gb" => 30,
            "t" | "tb" => 40,
            "p" | "pb" => 50,
            other => {
                let text = format!("Unable to parse bytes unit [{other}]");
                return Err(Error::illegal_argument(text));
            }
        };
        Ok(Self(Some(shift)))
    }

    fn show(self, bytes: u64) -> String {
        self.0.map_or_else(|| human_bytes(bytes), |shift| (bytes >> shift).to_string())
    }
}

/// The seconds since 1970 and the time of day.
fn clock(node: &Node) -> (String, String) {
    let seconds = node.now().as_millis().div_euclid(1_000);
    let of_day = seconds.rem_euclid(24 * 60 * 60);
    let (hours, minutes) = (of_day / 3_600, of_day / 60 % 60);
    (seconds.to_string(), format!("{hours:02}:{minutes:02}:{:02}", of_day % 60))
}

/// Takes the time-outs and refuses what nobody took.
fn finish(call: &mut Call<'_>) -> Result<(), Error> {
    take_timeouts(call)?;
    call.finish_parameters()
}

/// What `_cat` offers.
fn list(call: &mut Call<'_>) -> Result<Answer, Error> {
    call.finish_parameters()?;
    const NAMES: [&str; 28] = [
        "aliases",
        "aliases/{alias}",
        "allocation",
        "component_templates",
        "count",
        "count/{index}",
        "fielddata",
        "fielddata/{fields}",
        "health",
        "indices",
        "indices/{index}",
        "master",
        "nodeattrs",
        "nodes",
        "pending_tasks",
        "plugins",
        "recovery",
        "recovery/{index}",
        "repositories",
        "segments",
        "segments/{index}",
        "shards",
        "shards/{index}",
        "snapshots/{repository}",
        "tasks",
        "templates",
        "thread_pool",
        "thread_pool/{thread_pools}",
    ];
    let paths: String = NAMES.iter().map(|name| format!("/_cat/{name}\n")).collect();
    Ok(Answer::text(StatusCode::OK, format!("=^.^=\n{paths}")))
}

fn aliases(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("alias", &["a"]),
        Column::words("index", &["i", "idx"]),
        Column::words("filter", &["f", "fi"]),
        Column::words("routing.index", &["ri", "routingIndex"]),
        Column::words("routing.search", &["rs", "routingSearch"]),
        Column::words("is_write_index", &["w", "isWriteIndex"]),
    ];
    // The last column came with 7.4; the dialect of 7 shows what clients of all of 7.x know.
    let columns = match call.dialect {
        Dialect::V2 | Dialect::V5 | Dialect::V7 => COLUMNS.get(..5).unwrap_or(COLUMNS),
        Dialect::V8 => COLUMNS,
    };
    call.parameters.take("expand_wildcards");
    let mut table = TextTable::take(columns, call)?;
    finish(call)?;
    let names = call.found.name.unwrap_or("*");
    let is_named =
        |alias: &str| names.split(',').any(|name| name == "_all" || matches_glob(name, alias));
    let mut all = BTreeMap::new();
    for (name, indices) in node.aliases() {
        for (index, alias) in indices {
            all.insert((name.to_string(), index.name().to_owned()), alias);
        }
    }
    for stream in node.data_streams() {
        for (name, alias) in &stream.aliases {
            all.insert((name.clone(), stream.name.clone()), alias.clone());
        }
    }
    for ((name, of), alias) in all.into_iter().filter(|((name, _), _)| is_named(name)) {
        let dash = || "-".to_owned();
        let filter = if alias.filter.is_some() { "*".to_owned() } else { dash() };
        table.row([
            name,
            of,
            filter,
            alias.index_routing.unwrap_or_else(dash),
            alias.search_routing.unwrap_or_else(dash),
            alias.is_write_index.map_or_else(dash, |leads| leads.to_string()),
        ]);
    }
    Ok(table.answer(call))
}

fn templates(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("name", &["n"]),
        Column::words("index_patterns", &["t"]),
        Column::words("order", &["o", "p"]),
        Column::words("version", &["v"]),
        Column::words("composed_of", &["c"]),
    ];
    // The last column came with 7.8.
    let columns = match call.dialect {
        Dialect::V2 | Dialect::V5 | Dialect::V7 => COLUMNS.get(..4).unwrap_or(COLUMNS),
        Dialect::V8 => COLUMNS,
    };
    let mut table = TextTable::take(columns, call)?;
    finish(call)?;
    let templates = node.templates(rules(call.dialect));
    let pattern = call.found.name.unwrap_or("*");
    for kind in [TemplateKind::Legacy, TemplateKind::Index] {
        let named = templates.of(kind).iter().filter(|(name, _)| matches_glob(pattern, name));
        for (name, template) in named {
            let composed_of = template.composed_of.as_ref();
            table.row([
                name.clone(),
                format!("[{}]", template.index_patterns.join(", ")),
                template.order.unwrap_or(0).to_string(),
                template.version.map_or_else(String::new, |version| version.to_string()),
                composed_of.map_or_else(String::new, |parts| format!("[{}]", parts.join(", "))),
            ]);
        }
    }
    Ok(table.answer(call))
}

fn component_templates(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("name", &["n"]),
        Column::words("version", &["v"]),
        Column::words("alias_count", &["a"]),
        Column::words("mapping_count", &["m"]),
        Column::words("settings_count", &["s"]),
        Column::words("metadata_count", &["me"]),
        Column::words("included_in", &["i"]),
    ];
    let mut table = TextTable::take(COLUMNS, call)?;
    finish(call)?;
    let templates = node.templates(rules(call.dialect));
    let pattern = call.found.name.unwrap_or("*");
    let components = templates.of(TemplateKind::Component).iter();
    for (name, template) in components.filter(|(name, _)| matches_glob(pattern, name)) {
        let users = templates.of(TemplateKind::Index).iter();
        let users = users.filter(|(_, t)| t.composed_of.iter().flatten().any(|part| part == name));
        let users: Vec<&str> = users.map(|(user, _)| user.as_str()).collect();
        let body = template.body.clone().unwrap_or_default();
        let fields =
            body.mappings.as_ref().and_then(|m| m.get("properties")?.as_object().map(|f| f.len()));
        table.row([
            name.clone(),
            template.version.map_or_else(String::new, |version| version.to_string()),
            body.aliases.map_or(0, |aliases| aliases.len()).to_string(),
            fields.unwrap_or(0).to_string(),
            body.settings.map_or(0, |settings| settings.iter().count()).to_string(),
            template.meta.as_ref().and_then(|m| m.as_object()).map_or(0, |m| m.len()).to_string(),
            format!("[{}]", users.join(", ")),
        ]);
    }
    Ok(table.answer(call))
}
