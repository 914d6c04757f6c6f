//! The one node as a cluster: its root here, everything else in the children (spec
//! index-and-cluster-api §1, §2).

mod allocation;
pub(crate) mod health;
mod nodes;
mod report;
mod settings;
mod state;
mod tasks;

use hyper::StatusCode;
use node::Node;

use super::api::Call;
use super::dialect::Dialect;
use super::error::Error;
use super::json::{self, Object};
use super::metrics::Metrics;
use super::response::Answer;
use super::tasks::Tasks;
pub(crate) use nodes::means_this;
pub(crate) use state::{nodes_of_state, primary_of_state};

/// The endpoints of the cluster, its nodes and tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cluster {
    /// Health.
    Health,
    /// Everything that a cluster agrees on.
    State,
    /// Show settings of the node as a whole.
    GetSettings,
    /// Change them.
    PutSettings,
    /// Statistics.
    Stats,
    /// What waits to be decided.
    PendingTasks,
    /// Move shards.
    Reroute,
    /// Why a shard is where it is.
    Explain,
    /// What nodes are.
    NodesInfo,
    /// What nodes do.
    NodesStats,
    /// What keeps nodes busy.
    HotThreads,
    /// How often endpoints are used.
    NodesUsage,
    /// Read secrets again.
    ReloadSecureSettings,
    /// What repositories cost, or forget it.
    RepositoriesMetering,
    /// What runs.
    Tasks,
    /// One thing that runs.
    Task,
    /// End what runs.
    CancelTasks,
    /// Let a write by query go faster or slower.
    Rethrottle,
    /// Other clusters.
    RemoteInfo,
    /// Indices that are stored but not known: none.
    Dangling,
    /// Health by indicators.
    HealthReport,
    /// Whether the process answers.
    Liveness,
    /// Numbers for Prometheus.
    Metrics,
}

/// Answers.
pub(crate) async fn answer(
    endpoint: Cluster,
    node: &Node,
    call: &mut Call<'_>,
    metrics: &Metrics,
    running: &Tasks,
) -> Result<Answer, Error> {
    match endpoint {
        Cluster::Health => health::health(node, call),
        Cluster::State => state::state(node, call),
        Cluster::GetSettings => settings::get(node, call),
        Cluster::PutSettings => settings::put(node, call).await,
        Cluster::Stats => nodes::cluster_stats(node, call),
        Cluster::PendingTasks => tasks::pending(call),
        Cluster::Reroute => allocation::reroute(node, call),
        Cluster::Explain => allocation::explain(node, call),
        Cluster::NodesInfo => nodes::info(node, call),
        Cluster::NodesStats => nodes::stats(node, call),
        Cluster::HotThreads => nodes::hot_threads(node, call),
        Cluster::NodesUsage => nodes::usage(node, call),
        Cluster::ReloadSecureSettings => nodes::reload_secure_settings(node, call),
        Cluster::RepositoriesMetering => nodes::repositories_metering(node, call),
        Cluster::Tasks => tasks::list(node, call, running).await,
        Cluster::Task => tasks::get(node, call, running).await,
        Cluster::CancelTasks => tasks::cancel(node, call, running).await,
        Cluster::Rethrottle => tasks::rethrottle(node, call, running),
        Cluster::RemoteInfo => tasks::remote_info(call),
        Cluster::Dangling => nodes::dangling(node, call),
        Cluster::HealthReport => report::report(node, call),
        Cluster::Liveness => report::liveness(call),
        Cluster::Metrics => report::metrics(node, call, metrics),
    }
}

/// `GET /`: the version is that of the dialect in force, which is what clients check.
pub(crate) fn root(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.finish_parameters()?;
    let body = json::object(|root| {
        root.string("name", node.name());
        root.string("cluster_name", node.cluster_name());
        root.string("cluster_uuid", node.cluster_uuid());
        root.object("version", |version| write_version(version, call.dialect));
        root.string("tagline", "You Know, for Search");
    });
    let mut answer = Answer::json(StatusCode::OK, body);
    answer.pretty_by_default = true;
    Ok(answer)
}

/// The commit that this server says it was built from.
pub(super) const HASH: &str = "0000000000000000000000000000000000000000";

fn write_version(version: &mut Object<'_>, dialect: Dialect) {
    const DATE: &str = "2025-01-01T00:00:00.000000000Z";
    version.string("number", dialect.version_number());
    match dialect {
        Dialect::V2 => {
            version.string("build_hash", HASH);
            version.string("build_timestamp", DATE);
        }
        Dialect::V5 => {
            version.string("build_hash", HASH);
            version.string("build_date", DATE);
        }
        Dialect::V7 | Dialect::V8 => {
            version.string("build_flavor", "default");
            version.string("build_type", "tar");
            version.string("build_hash", HASH);
            version.string("build_date", DATE);
        }
    }
    version.boolean("build_snapshot", false);
    version.string("lucene_version", dialect.lucene_version());
    match dialect {
        Dialect::V2 | Dialect::V5 => {}
        Dialect::V7 => {
            version.string("minimum_wire_compatibility_version", "6.8.0");
            version.string("minimum_index_compatibility_version", "6.0.0-beta1");
        }
        Dialect::V8 => {
            version.string("minimum_wire_compatibility_version", "7.17.0");
            version.string("minimum_index_compatibility_version", "7.0.0");
        }
    }
}
