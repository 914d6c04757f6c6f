#!/usr/bin/env bash
# prometheus-elasticsearch-exporter (Debian): asks for everything it knows, and must find the documents
# and no answer that it does not understand. Runs in the foreground, not as a service.
#
#     compat/exporter.sh [URL]
source "$(dirname "$0")/common.sh"

need_debian prometheus-elasticsearch-exporter
python3 "$here/documents.py" fill "$url" "$prefix-a" 321
port=$(free_port)
prometheus-elasticsearch-exporter --es.uri="$url" --es.all --es.indices --es.indices_settings \
    --es.indices_mappings --es.aliases --es.shards --es.cluster_settings --es.snapshots --es.slm \
    --es.data_stream --web.listen-address="127.0.0.1:$port" >"$scratch/exporter.log" 2>&1 &
children+=($!)

# Whether the exporter answers.
answers() {
    curl -sf -o "$scratch/metrics" "http://127.0.0.1:$port/metrics"
}
wait_for answers
# The cluster's name is learnt beside the first scrape.
sleep 1
answers

# A line of its answer: name, label that must be there, value.
has() {
    awk -v name="$1" -v label="$2" -v value="$3" \
        'index($0, name "{") == 1 && index($0, label) && $NF == value { found = 1 } END { exit !found }' \
        "$scratch/metrics" || fail "no $1 {$2} $3: $(grep "^$1" "$scratch/metrics" | head -n 3)"
}
has elasticsearch_cluster_health_number_of_nodes "" 1
has elasticsearch_indices_docs_primary "index=\"$prefix-a\"" 321
has elasticsearch_indices_docs_total "index=\"$prefix-a\"" 321
grep -E '_up [01]|_json_parse_failures(_total)? ' "$scratch/metrics" | grep -v '^#' >"$scratch/asked"
grep -E '_up 0|_failures(_total)? [1-9]' "$scratch/asked" >&2 && fail "some answers were not understood"
grep -i 'level=\(warn\|error\)' "$scratch/exporter.log" >&2 && fail "the exporter complained"
echo "$(grep -c '^elasticsearch_' "$scratch/metrics") numbers, $(wc -l <"$scratch/asked") collectors without a complaint"
echo "ok: exporter"
