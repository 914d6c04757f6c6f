# What ruby.sh runs: documents, conditions, bulks, searches and scrolls as a Ruby program asks for them.

require "elasticsearch"

URL, PREFIX = ARGV
client = Elasticsearch::Client.new(url: URL, log: false)
index = "#{PREFIX}-books"

def check(what, found, expected)
  return if found == expected
  abort "#{what}: found #{found.inspect}, expected #{expected.inspect}"
end

def refused(error)
  yield
  abort "expected #{error}"
rescue error
  nil
end

errors = Elasticsearch::Transport::Transport::Errors
info = client.info
puts "client #{Elasticsearch::VERSION}, server says #{info['version']['number']}"
check "ping", client.ping, true
client.indices.create index: index, body: {
  mappings: { properties: { title: { type: "keyword" }, year: { type: "integer" } } }
}
check "exists", client.indices.exists?(index: index), true

made = client.index index: index, id: "a/ä", body: { title: "Dune", year: 1965 }
check "created", made["result"], "created"
read = client.get index: index, id: "a/ä"
check "source", read["_source"], { "title" => "Dune", "year" => 1965 }
condition = { if_seq_no: read["_seq_no"], if_primary_term: read["_primary_term"] }
client.index index: index, id: "a/ä", body: { title: "Dune", year: 1966 }, **condition
refused(errors::Conflict) do
  client.index index: index, id: "a/ä", body: { title: "lost" }, **condition
end
refused(errors::Conflict) { client.create index: index, id: "a/ä", body: {} }
client.update index: index, id: "a/ä", body: { doc: { pages: 412 } }
check "update", client.get_source(index: index, id: "a/ä"),
      { "title" => "Dune", "year" => 1966, "pages" => 412 }
refused(errors::NotFound) { client.get index: index, id: "none" }
check "missing", client.exists?(index: index, id: "none"), false

lines = (1..1000).map { |n| { index: { _id: n, data: { title: "Volume #{n % 10}", year: n } } } }
answer = client.bulk index: index, body: lines, refresh: true
check "bulk", [answer["errors"], answer["items"].size], [false, 1000]
check "count", client.count(index: index)["count"], 1001
found = client.search index: index, body: {
  query: { bool: { filter: [{ term: { title: "Volume 3" } }, { range: { year: { gte: 500 } } }] } },
  sort: [{ year: "desc" }], size: 5
}
check "hits", found["hits"]["hits"].map { |hit| hit["_source"]["year"] }, [993, 983, 973, 963, 953]
check "total", found["hits"]["total"], { "value" => 50, "relation" => "eq" }

page = client.search index: index, scroll: "1m", size: 300, body: { sort: ["_doc"] }
ids = []
until page["hits"]["hits"].empty?
  ids.concat(page["hits"]["hits"].map { |hit| hit["_id"] })
  page = client.scroll body: { scroll_id: page["_scroll_id"], scroll: "1m" }
end
client.clear_scroll body: { scroll_id: page["_scroll_id"] }
check "scroll", [ids.size, ids.uniq.size], [1001, 1001]

many = client.mget index: index, body: { ids: %w[1 2 none] }
check "mget", many["docs"].map { |doc| doc["found"] }, [true, true, false]
gone = client.delete_by_query index: index, body: { query: { term: { title: "Volume 3" } } }, refresh: true
check "delete by query", [gone["deleted"], gone["version_conflicts"]], [100, 0]
check "delete", client.delete(index: index, id: "a/ä")["result"], "deleted"
check "rest", client.count(index: index)["count"], 900
client.indices.put_alias index: index, name: "#{PREFIX}-alias"
check "alias", client.count(index: "#{PREFIX}-alias")["count"], 900
check "health", client.cluster.health["number_of_nodes"], 1
check "cat", client.cat.indices(index: index, h: "docs.count").strip, "900"
client.indices.delete index: index
