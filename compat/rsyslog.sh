#!/usr/bin/env bash
# rsyslog's omelasticsearch (Debian): lines of a log become documents, by bulks and one by one, and a
# line that is sent twice is one document. rsyslogd runs in the foreground with a configuration of its
# own; the machine's logging is left alone.
#
#     compat/rsyslog.sh [URL]
source "$(dirname "$0")/common.sh"

need_debian rsyslog rsyslog-elasticsearch
server=${url#http://}

# Sends 500 lines with the given parameters of the action.
send() {
    local index=$1 lines=$2 parameters=$3 conf=$scratch/$1.conf
    seq 1 "$lines" | sed 's/.*/line & with "quotes", a \\ and späť/' >"$scratch/$index.txt"
    cat >"$conf" <<CONF
global(workDirectory="$scratch" maxMessageSize="8k")
module(load="imfile")
module(load="omelasticsearch")
template(name="index" type="string" string="$index")
template(name="id" type="string" string="%\$.number%")
template(name="document" type="list" option.jsonf="on") {
    property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    property(outname="tag" name="syslogtag" format="jsonf")
    property(outname="message" name="msg" format="jsonf")
}
ruleset(name="out") {
    set \$.number = field(\$msg, 32, 2);
    action(type="omelasticsearch" server="${server%:*}" serverport="${server##*:}"
        dynSearchIndex="on" searchIndex="index" template="document"
        errorfile="$scratch/$index.errors"
        action.resumeRetryCount="5" action.resumeInterval="1" $parameters)
}
input(type="imfile" file="$scratch/$index.txt" tag="compat" ruleset="out")
CONF
    rsyslogd -N1 -f "$conf" >"$scratch/$index.check.log" 2>&1 || fail "the configuration is refused"
    rm -f "$scratch"/imfile-state*
    rsyslogd -n -f "$conf" -i "$scratch/$index.pid" >"$scratch/$index.log" 2>&1 &
    children+=($!)
}

# Whether an index holds so many documents.
holds() {
    python3 "$here/documents.py" count "$url" "$1" "$2" 2>/dev/null
}

# Whether all lines of an index arrived as they were, and nothing was refused.
check() {
    wait_for holds "$1" "$2"
    [ ! -s "$scratch/$1.errors" ] || fail "refused: $(head -c 500 "$scratch/$1.errors")"
    curl -sf "$url/$1/_search?size=1000" | python3 -c '
import json, sys
hits = json.load(sys.stdin)["hits"]["hits"]
sent = {line.rstrip("\n") for line in open(sys.argv[1], encoding="utf-8")}
found = {hit["_source"]["message"] for hit in hits}
sys.exit(f"sent {len(sent)}, found {len(found)}" if found != sent else 0)' "$scratch/$1.txt"
    echo "$2 lines are $2 documents in $1"
}

# The module names a type, unless it is empty; where there are none it must be.
version=$(curl -sf "$url/" | python3 -c 'import json, sys; print(json.load(sys.stdin)["version"]["number"])')
echo "server says $version"
type=_doc
if [ "${version%%.*}" -ge 8 ]; then type=; fi
send "$prefix-bulk" 500 "bulkmode=\"on\" searchType=\"$type\""
check "$prefix-bulk" 500
send "$prefix-single" 40 "searchType=\"$type\""
check "$prefix-single" 40

# As operators of Elasticsearch 7 and later avoid duplicates: ids of their own, created once.
exclusive='bulkmode="on" searchType="" dynbulkid="on" bulkid="id" writeoperation="create"'
send "$prefix-once" 300 "$exclusive"
check "$prefix-once" 300
send "$prefix-once" 350 "$exclusive"
wait_for holds "$prefix-once" 350
versions=$(curl -sf "$url/$prefix-once/_search?size=1000&version=true" |
    python3 -c 'import json, sys; print({h["_version"] for h in json.load(sys.stdin)["hits"]["hits"]})')
[ "$versions" = "{1}" ] || fail "a line that was sent twice was written twice: versions $versions"
echo "300 lines that were sent twice are 300 documents"
echo "ok: rsyslog"
