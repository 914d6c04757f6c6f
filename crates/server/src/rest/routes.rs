//! The route table, by family. What answers an endpoint is in the family's module.

use node::TemplateKind;

use super::Endpoint as E;
use super::cat::Table as T;
use super::cluster::Cluster as C;
use super::data_streams::DataStreams as D;
use super::features::Feature as F;
use super::index::Indices as I;
use super::route::Segment::{
    AnyType, DocAsType, Fields, Id, Index, Literal as L, MappingType, Name, Type, TypeOrDoc,
};
use super::route::{Methods, Route, Segment};
use super::templates::Templates as P;

const GET: Methods = Methods::GET;
const PUT: Methods = Methods::PUT;
const POST: Methods = Methods::POST;
const DELETE: Methods = Methods::DELETE;
const READ: Methods = Methods::GET.or(Methods::HEAD);
const WRITE: Methods = Methods::PUT.or(Methods::POST);
const ASK: Methods = Methods::GET.or(Methods::POST);

const LEGACY: TemplateKind = TemplateKind::Legacy;
const COMPOSABLE: TemplateKind = TemplateKind::Index;
const COMPONENT: TemplateKind = TemplateKind::Component;

/// All tables.
pub(crate) static TABLES: [&[Route]; 8] =
    [DOCUMENTS, SEARCHES, INDICES, ALIASES_AND_TEMPLATES, DATA_STREAMS, CLUSTER, CAT, FEATURES];

const fn on(methods: Methods, pattern: &'static [Segment], endpoint: E) -> Route {
    Route { methods, pattern, endpoint }
}

const fn indices(methods: Methods, pattern: &'static [Segment], endpoint: I) -> Route {
    on(methods, pattern, E::Indices(endpoint))
}

const fn template(
    methods: Methods,
    pattern: &'static [Segment],
    kind: TemplateKind,
    endpoint: P,
) -> Route {
    on(methods, pattern, E::Templates(kind, endpoint))
}

const fn cluster(methods: Methods, pattern: &'static [Segment], endpoint: C) -> Route {
    on(methods, pattern, E::Cluster(endpoint))
}

const fn cat(pattern: &'static [Segment], table: T) -> Route {
    on(READ, pattern, E::Cat(table))
}

const fn data_streams(methods: Methods, pattern: &'static [Segment], endpoint: D) -> Route {
    on(methods, pattern, E::DataStreams(endpoint))
}

const fn feature(methods: Methods, pattern: &'static [Segment], endpoint: F) -> Route {
    on(methods, pattern, E::Feature(endpoint))
}

static DOCUMENTS: &[Route] = &[
    on(READ, &[], E::Root),
    on(WRITE, &[Index, L("_doc"), Id], E::Index),
    on(WRITE, &[Index, Type, Id], E::Index),
    on(POST, &[Index, L("_doc")], E::IndexAutoId),
    on(POST, &[Index, Type], E::IndexAutoId),
    on(WRITE, &[Index, L("_create"), Id], E::Create),
    on(WRITE, &[Index, TypeOrDoc, Id, L("_create")], E::Create),
    on(READ, &[Index, L("_doc"), Id], E::Get),
    on(READ, &[Index, Type, Id], E::Get),
    on(READ, &[Index, AnyType, Id], E::Get),
    on(READ, &[Index, L("_source"), Id], E::Source),
    on(READ, &[Index, TypeOrDoc, Id, L("_source")], E::Source),
    on(DELETE, &[Index, L("_doc"), Id], E::Delete),
    on(DELETE, &[Index, Type, Id], E::Delete),
    on(POST, &[Index, L("_update"), Id], E::Update),
    on(POST, &[Index, TypeOrDoc, Id, L("_update")], E::Update),
    on(ASK, &[L("_mget")], E::MultiGet),
    on(ASK, &[Index, L("_mget")], E::MultiGet),
    on(ASK, &[Index, L("_doc"), L("_mget")], E::MultiGet),
    on(ASK, &[Index, TypeOrDoc, L("_mget")], E::MultiGet),
    on(WRITE, &[L("_bulk")], E::Bulk),
    on(WRITE, &[Index, L("_bulk")], E::Bulk),
    on(WRITE, &[Index, L("_doc"), L("_bulk")], E::Bulk),
    on(WRITE, &[Index, TypeOrDoc, L("_bulk")], E::Bulk),
];

static SEARCHES: &[Route] = &[
    on(ASK, &[L("_search")], E::Search),
    on(ASK, &[Index, L("_search")], E::Search),
    on(ASK, &[Index, L("_doc"), L("_search")], E::Search),
    on(ASK, &[Index, Type, L("_search")], E::Search),
    on(ASK, &[L("_msearch")], E::MultiSearch),
    on(ASK, &[Index, L("_msearch")], E::MultiSearch),
    on(ASK, &[Index, L("_doc"), L("_msearch")], E::MultiSearch),
    on(ASK, &[Index, Type, L("_msearch")], E::MultiSearch),
    on(ASK, &[L("_search"), L("scroll")], E::Scroll),
    on(ASK, &[L("_search"), L("scroll"), Id], E::Scroll),
    on(DELETE, &[L("_search"), L("scroll")], E::ClearScroll),
    on(DELETE, &[L("_search"), L("scroll"), Id], E::ClearScroll),
    on(POST, &[Index, L("_pit")], E::OpenPointInTime),
    on(DELETE, &[L("_pit")], E::ClosePointInTime),
    on(ASK, &[L("_count")], E::Count),
    on(ASK, &[Index, L("_count")], E::Count),
    on(ASK, &[Index, L("_doc"), L("_count")], E::Count),
    on(ASK, &[Index, Type, L("_count")], E::Count),
    on(ASK, &[L("_field_caps")], E::FieldCapabilities),
    on(ASK, &[Index, L("_field_caps")], E::FieldCapabilities),
    on(ASK, &[L("_search_shards")], E::SearchShards),
    on(ASK, &[Index, L("_search_shards")], E::SearchShards),
    on(ASK, &[L("_analyze")], E::Analyze),
    on(ASK, &[Index, L("_analyze")], E::Analyze),
    on(ASK, &[L("_validate"), L("query")], E::ValidateQuery),
    on(ASK, &[Index, L("_validate"), L("query")], E::ValidateQuery),
    on(ASK, &[Index, Type, L("_validate"), L("query")], E::ValidateQuery),
    on(POST, &[Index, L("_update_by_query")], E::UpdateByQuery),
    on(POST, &[Index, L("_doc"), L("_update_by_query")], E::UpdateByQuery),
    on(POST, &[Index, Type, L("_update_by_query")], E::UpdateByQuery),
    on(POST, &[Index, L("_delete_by_query")], E::DeleteByQuery),
    on(POST, &[Index, L("_doc"), L("_delete_by_query")], E::DeleteByQuery),
    on(POST, &[Index, Type, L("_delete_by_query")], E::DeleteByQuery),
    on(POST, &[L("_reindex")], E::Reindex),
];

static INDICES: &[Route] = &[
    indices(PUT, &[Index], I::Create),
    indices(READ, &[Index], I::Get),
    indices(DELETE, &[Index], I::Delete),
    indices(POST, &[L("_open")], I::Open),
    indices(POST, &[Index, L("_open")], I::Open),
    indices(POST, &[L("_close")], I::Close),
    indices(POST, &[Index, L("_close")], I::Close),
    indices(GET, &[L("_settings")], I::GetSettings),
    indices(GET, &[L("_settings"), Name], I::GetSettings),
    indices(GET, &[Index, L("_settings")], I::GetSettings),
    indices(GET, &[Index, L("_settings"), Name], I::GetSettings),
    indices(GET, &[Index, L("_setting"), Name], I::GetSettings),
    indices(PUT, &[L("_settings")], I::PutSettings),
    indices(PUT, &[Index, L("_settings")], I::PutSettings),
    indices(PUT, &[Index, L("_block"), Name], I::AddBlock),
    indices(DELETE, &[Index, L("_block"), Name], I::RemoveBlock),
    indices(GET, &[L("_mapping")], I::GetMapping),
    indices(GET, &[L("_mappings")], I::GetMapping),
    indices(GET, &[L("_mapping"), MappingType], I::GetMapping),
    indices(GET, &[Index, L("_mapping")], I::GetMapping),
    indices(GET, &[Index, L("_mappings")], I::GetMapping),
    indices(GET, &[Index, L("_mapping"), MappingType], I::GetMapping),
    indices(GET, &[Index, L("_mappings"), MappingType], I::GetMapping),
    indices(GET, &[Index, MappingType, L("_mapping")], I::GetMapping),
    indices(GET, &[Index, DocAsType, L("_mapping")], I::GetMapping),
    indices(WRITE, &[Index, L("_mapping")], I::PutMapping),
    indices(WRITE, &[Index, L("_mappings")], I::PutMapping),
    indices(WRITE, &[Index, L("_mapping"), MappingType], I::PutMapping),
    indices(WRITE, &[Index, L("_mappings"), MappingType], I::PutMapping),
    indices(WRITE, &[Index, MappingType, L("_mapping")], I::PutMapping),
    indices(WRITE, &[Index, MappingType, L("_mappings")], I::PutMapping),
    indices(WRITE, &[Index, DocAsType, L("_mapping")], I::PutMapping),
    indices(WRITE, &[Index, DocAsType, L("_mappings")], I::PutMapping),
    indices(WRITE, &[L("_mapping"), MappingType], I::PutMapping),
    indices(WRITE, &[L("_mappings"), MappingType], I::PutMapping),
    indices(GET, &[L("_mapping"), L("field"), Fields], I::GetFieldMapping),
    indices(GET, &[Index, L("_mapping"), L("field"), Fields], I::GetFieldMapping),
    indices(GET, &[L("_mapping"), MappingType, L("field"), Fields], I::GetFieldMapping),
    indices(GET, &[Index, L("_mapping"), MappingType, L("field"), Fields], I::GetFieldMapping),
    indices(ASK, &[L("_refresh")], I::Refresh),
    indices(ASK, &[Index, L("_refresh")], I::Refresh),
    indices(ASK, &[L("_flush")], I::Flush),
    indices(ASK, &[Index, L("_flush")], I::Flush),
    indices(ASK, &[L("_flush"), L("synced")], I::SyncedFlush),
    indices(ASK, &[Index, L("_flush"), L("synced")], I::SyncedFlush),
    indices(POST, &[L("_forcemerge")], I::ForceMerge),
    indices(POST, &[Index, L("_forcemerge")], I::ForceMerge),
    indices(ASK, &[L("_upgrade")], I::Upgrade),
    indices(ASK, &[Index, L("_upgrade")], I::Upgrade),
    indices(POST, &[L("_cache"), L("clear")], I::ClearCache),
    indices(POST, &[Index, L("_cache"), L("clear")], I::ClearCache),
    indices(GET, &[L("_stats")], I::Stats),
    indices(GET, &[L("_stats"), Name], I::Stats),
    indices(GET, &[Index, L("_stats")], I::Stats),
    indices(GET, &[Index, L("_stats"), Name], I::Stats),
    indices(GET, &[L("_segments")], I::Segments),
    indices(GET, &[Index, L("_segments")], I::Segments),
    indices(GET, &[L("_recovery")], I::Recovery),
    indices(GET, &[Index, L("_recovery")], I::Recovery),
    indices(GET, &[L("_shard_stores")], I::ShardStores),
    indices(GET, &[Index, L("_shard_stores")], I::ShardStores),
    indices(ASK, &[L("_reload_search_analyzers")], I::ReloadAnalyzers),
    indices(ASK, &[Index, L("_reload_search_analyzers")], I::ReloadAnalyzers),
    indices(GET, &[L("_resolve"), L("index"), Name], I::Resolve),
    indices(GET, &[L("_resolve"), L("cluster"), Name], I::ResolveCluster),
    indices(GET, &[L("_resolve"), L("cluster")], I::ResolveCluster),
    indices(POST, &[Index, L("_rollover")], I::Rollover),
    indices(POST, &[Index, L("_rollover"), Name], I::Rollover),
    indices(WRITE, &[Index, L("_shrink"), Name], I::Resize),
    indices(WRITE, &[Index, L("_split"), Name], I::Resize),
    indices(WRITE, &[Index, L("_clone"), Name], I::Resize),
];

static ALIASES_AND_TEMPLATES: &[Route] = &[
    indices(POST, &[L("_aliases")], I::ChangeAliases),
    indices(GET, &[L("_aliases")], I::GetAliases),
    indices(READ, &[L("_alias")], I::GetAliases),
    indices(READ, &[L("_alias"), Name], I::GetAliases),
    indices(READ, &[Index, L("_alias")], I::GetAliases),
    indices(READ, &[Index, L("_alias"), Name], I::GetAliases),
    indices(WRITE, &[L("_alias"), Name], I::PutAlias),
    indices(PUT, &[L("_alias")], I::PutAlias),
    indices(PUT, &[Index, L("_alias")], I::PutAlias),
    indices(WRITE, &[Index, L("_alias"), Name], I::PutAlias),
    indices(WRITE, &[Index, L("_aliases"), Name], I::PutAlias),
    indices(DELETE, &[Index, L("_alias"), Name], I::DeleteAlias),
    indices(DELETE, &[Index, L("_aliases"), Name], I::DeleteAlias),
    template(WRITE, &[L("_template"), Name], LEGACY, P::Put),
    template(READ, &[L("_template"), Name], LEGACY, P::Get),
    template(GET, &[L("_template")], LEGACY, P::Get),
    template(DELETE, &[L("_template"), Name], LEGACY, P::Delete),
    template(WRITE, &[L("_index_template"), Name], COMPOSABLE, P::Put),
    template(READ, &[L("_index_template"), Name], COMPOSABLE, P::Get),
    template(GET, &[L("_index_template")], COMPOSABLE, P::Get),
    template(DELETE, &[L("_index_template"), Name], COMPOSABLE, P::Delete),
    template(POST, &[L("_index_template"), L("_simulate")], COMPOSABLE, P::Simulate),
    template(POST, &[L("_index_template"), L("_simulate"), Name], COMPOSABLE, P::Simulate),
    template(
        POST,
        &[L("_index_template"), L("_simulate_index"), Name],
        COMPOSABLE,
        P::SimulateIndex,
    ),
    template(WRITE, &[L("_component_template"), Name], COMPONENT, P::Put),
    template(READ, &[L("_component_template"), Name], COMPONENT, P::Get),
    template(GET, &[L("_component_template")], COMPONENT, P::Get),
    template(DELETE, &[L("_component_template"), Name], COMPONENT, P::Delete),
];

static DATA_STREAMS: &[Route] = &[
    data_streams(GET, &[L("_data_stream")], D::Get),
    data_streams(GET, &[L("_data_stream"), Name], D::Get),
    data_streams(PUT, &[L("_data_stream"), Name], D::Create),
    data_streams(DELETE, &[L("_data_stream"), Name], D::Delete),
    data_streams(POST, &[L("_data_stream"), L("_migrate"), Name], D::Migrate),
    data_streams(POST, &[L("_data_stream"), L("_promote"), Name], D::Promote),
    data_streams(POST, &[L("_data_stream"), L("_modify")], D::Modify),
    data_streams(GET, &[L("_data_stream"), Name, L("_settings")], D::GetSettings),
    data_streams(PUT, &[L("_data_stream"), Name, L("_settings")], D::PutSettings),
    data_streams(GET, &[L("_data_stream"), Name, L("_options")], D::GetOptions),
    data_streams(PUT, &[L("_data_stream"), Name, L("_options")], D::ChangeOptions),
    data_streams(DELETE, &[L("_data_stream"), Name, L("_options")], D::ChangeOptions),
    data_streams(GET, &[L("_data_stream"), L("_stats")], D::Statistics),
    data_streams(GET, &[L("_data_stream"), Name, L("_stats")], D::Statistics),
    data_streams(PUT, &[L("_data_stream"), Name, L("_lifecycle")], D::ChangeLifecycle),
    data_streams(DELETE, &[L("_data_stream"), Name, L("_lifecycle")], D::ChangeLifecycle),
    data_streams(GET, &[L("_data_stream"), Name, L("_lifecycle")], D::GetLifecycle),
    data_streams(GET, &[L("_lifecycle"), L("stats")], D::LifecycleStatistics),
    data_streams(ASK, &[Index, L("_lifecycle"), L("explain")], D::ExplainLifecycle),
];

static CLUSTER: &[Route] = &[
    cluster(READ, &[L("_cluster"), L("health")], C::Health),
    cluster(READ, &[L("_cluster"), L("health"), Index], C::Health),
    cluster(GET, &[L("_cluster"), L("state")], C::State),
    cluster(GET, &[L("_cluster"), L("state"), Name], C::State),
    cluster(GET, &[L("_cluster"), L("state"), Name, Index], C::State),
    cluster(GET, &[L("_cluster"), L("settings")], C::GetSettings),
    cluster(PUT, &[L("_cluster"), L("settings")], C::PutSettings),
    cluster(GET, &[L("_cluster"), L("stats")], C::Stats),
    cluster(GET, &[L("_cluster"), L("stats"), L("nodes"), Name], C::Stats),
    cluster(GET, &[L("_cluster"), L("pending_tasks")], C::PendingTasks),
    cluster(POST, &[L("_cluster"), L("reroute")], C::Reroute),
    cluster(ASK, &[L("_cluster"), L("allocation"), L("explain")], C::Explain),
    cluster(GET, &[L("_nodes")], C::NodesInfo),
    cluster(GET, &[L("_nodes"), Name], C::NodesInfo),
    cluster(GET, &[L("_nodes"), Id, Name], C::NodesInfo),
    cluster(GET, &[L("_nodes"), L("stats")], C::NodesStats),
    cluster(GET, &[L("_nodes"), L("stats"), Name], C::NodesStats),
    cluster(GET, &[L("_nodes"), L("stats"), Name, Segment::Any], C::NodesStats),
    cluster(GET, &[L("_nodes"), Id, L("stats")], C::NodesStats),
    cluster(GET, &[L("_nodes"), Id, L("stats"), Name], C::NodesStats),
    cluster(GET, &[L("_nodes"), Id, L("stats"), Name, Segment::Any], C::NodesStats),
    cluster(GET, &[L("_nodes"), L("hot_threads")], C::HotThreads),
    cluster(GET, &[L("_nodes"), Id, L("hot_threads")], C::HotThreads),
    cluster(GET, &[L("_nodes"), L("usage")], C::NodesUsage),
    cluster(GET, &[L("_nodes"), L("usage"), Name], C::NodesUsage),
    cluster(GET, &[L("_nodes"), Id, L("usage")], C::NodesUsage),
    cluster(GET, &[L("_nodes"), Id, L("usage"), Name], C::NodesUsage),
    cluster(POST, &[L("_nodes"), L("reload_secure_settings")], C::ReloadSecureSettings),
    cluster(POST, &[L("_nodes"), Id, L("reload_secure_settings")], C::ReloadSecureSettings),
    cluster(GET, &[L("_nodes"), Id, L("_repositories_metering")], C::RepositoriesMetering),
    cluster(DELETE, &[L("_nodes"), Id, L("_repositories_metering"), Name], C::RepositoriesMetering),
    cluster(GET, &[L("_tasks")], C::Tasks),
    cluster(GET, &[L("_tasks"), Name], C::Task),
    cluster(POST, &[L("_tasks"), L("_cancel")], C::CancelTasks),
    cluster(POST, &[L("_tasks"), Name, L("_cancel")], C::CancelTasks),
    cluster(POST, &[L("_reindex"), Name, L("_rethrottle")], C::Rethrottle),
    cluster(POST, &[L("_update_by_query"), Name, L("_rethrottle")], C::Rethrottle),
    cluster(POST, &[L("_delete_by_query"), Name, L("_rethrottle")], C::Rethrottle),
    cluster(GET, &[L("_remote"), L("info")], C::RemoteInfo),
    cluster(GET, &[L("_dangling")], C::Dangling),
    cluster(GET, &[L("_health_report")], C::HealthReport),
    cluster(GET, &[L("_health_report"), Name], C::HealthReport),
    cluster(READ, &[L("_live")], C::Liveness),
    cluster(GET, &[L("_prometheus"), L("metrics")], C::Metrics),
];

static CAT: &[Route] = &[
    cat(&[L("_cat")], T::List),
    cat(&[L("_cat"), L("aliases")], T::Aliases),
    cat(&[L("_cat"), L("aliases"), Name], T::Aliases),
    cat(&[L("_cat"), L("allocation")], T::Allocation),
    cat(&[L("_cat"), L("allocation"), Name], T::Allocation),
    cat(&[L("_cat"), L("component_templates")], T::ComponentTemplates),
    cat(&[L("_cat"), L("component_templates"), Name], T::ComponentTemplates),
    cat(&[L("_cat"), L("count")], T::Count),
    cat(&[L("_cat"), L("count"), Index], T::Count),
    cat(&[L("_cat"), L("fielddata")], T::Fielddata),
    cat(&[L("_cat"), L("fielddata"), Name], T::Fielddata),
    cat(&[L("_cat"), L("health")], T::Health),
    cat(&[L("_cat"), L("indices")], T::Indices),
    cat(&[L("_cat"), L("indices"), Index], T::Indices),
    cat(&[L("_cat"), L("master")], T::Master),
    cat(&[L("_cat"), L("nodeattrs")], T::NodeAttributes),
    cat(&[L("_cat"), L("nodes")], T::Nodes),
    cat(&[L("_cat"), L("pending_tasks")], T::PendingTasks),
    cat(&[L("_cat"), L("plugins")], T::Plugins),
    cat(&[L("_cat"), L("recovery")], T::Recovery),
    cat(&[L("_cat"), L("recovery"), Index], T::Recovery),
    cat(&[L("_cat"), L("repositories")], T::Repositories),
    cat(&[L("_cat"), L("segments")], T::Segments),
    cat(&[L("_cat"), L("segments"), Index], T::Segments),
    cat(&[L("_cat"), L("shards")], T::Shards),
    cat(&[L("_cat"), L("shards"), Index], T::Shards),
    cat(&[L("_cat"), L("snapshots")], T::Snapshots),
    cat(&[L("_cat"), L("snapshots"), Name], T::Snapshots),
    cat(&[L("_cat"), L("tasks")], T::Tasks),
    cat(&[L("_cat"), L("templates")], T::Templates),
    cat(&[L("_cat"), L("templates"), Name], T::Templates),
    cat(&[L("_cat"), L("thread_pool")], T::ThreadPool),
    cat(&[L("_cat"), L("thread_pool"), Name], T::ThreadPool),
];

static FEATURES: &[Route] = &[
    feature(GET, &[L("_license")], F::License),
    feature(GET, &[L("_xpack")], F::Xpack),
    feature(GET, &[L("_xpack"), L("license")], F::License),
    feature(GET, &[L("_xpack"), L("usage")], F::XpackUsage),
    feature(GET, &[L("_ilm"), L("policy")], F::NoneAtAll),
    feature(GET, &[L("_ilm"), L("policy"), Name], F::LifecyclePolicy),
    feature(GET, &[L("_ilm"), L("status")], F::LifecycleStatus),
    feature(GET, &[Index, L("_ilm"), L("explain")], F::LifecycleExplain),
    feature(GET, &[L("_ingest"), L("pipeline")], F::NoneAtAll),
    feature(GET, &[L("_ingest"), L("pipeline"), Name], F::GetPipeline),
    feature(PUT, &[L("_ingest"), L("pipeline"), Name], F::PutPipeline),
    feature(DELETE, &[L("_ingest"), L("pipeline"), Name], F::DeletePipeline),
    feature(GET, &[L("_snapshot")], F::NoneAtAll),
    feature(GET, &[L("_snapshot"), Name], F::GetRepository),
    feature(WRITE, &[L("_snapshot"), Name], F::PutSnapshot),
    feature(WRITE, &[L("_snapshot"), Name, Id], F::PutSnapshot),
    feature(GET, &[L("_slm"), L("policy")], F::NoneAtAll),
    feature(GET, &[L("_slm"), L("stats")], F::SnapshotLifecycleStats),
    feature(GET, &[L("_slm"), L("status")], F::LifecycleStatus),
];
