#!/usr/bin/env bash
# elasticdump (npm): mapping and documents out into files, in again from them, and from index to index.
#
#     compat/elasticdump.sh [URL]
#
# Uses the elasticdump of the PATH; else installs it with npm into a folder that is removed in the end.
source "$(dirname "$0")/common.sh"

if ! command -v elasticdump >/dev/null; then
    command -v npm >/dev/null || fail "needs elasticdump, or npm to install it"
    echo "installing elasticdump with npm, for this run only"
    npm install --no-audit --no-fund --prefix "$scratch/npm" elasticdump >"$scratch/npm.log" 2>&1 ||
        fail "npm could not install elasticdump"
    PATH=$scratch/npm/node_modules/.bin:$PATH
fi
echo "elasticdump $(elasticdump --version), node $(node --version)"

# Without --support-big-int it rounds numbers beyond 2^53, as JavaScript does.
dump() {
    elasticdump --limit=100 --support-big-int "$@" >"$scratch/dump.log" 2>&1 ||
        fail "elasticdump $* failed"
    # It goes on after a document that was refused, and says so.
    if grep -i -E "error|exception" "$scratch/dump.log" >&2; then fail "elasticdump $*: see above"; fi
}

python3 "$here/documents.py" fill "$url" "$prefix-a" 1234
dump --input="$url/$prefix-a" --output="$scratch/mapping.json" --type=mapping
dump --input="$url/$prefix-a" --output="$scratch/settings.json" --type=settings
dump --input="$url/$prefix-a" --output="$scratch/data.json" --type=data
[ "$(wc -l <"$scratch/data.json")" = 1234 ] || fail "not every document came out"

dump --input="$scratch/settings.json" --output="$url/$prefix-b" --type=settings
dump --input="$scratch/mapping.json" --output="$url/$prefix-b" --type=mapping
dump --input="$scratch/data.json" --output="$url/$prefix-b" --type=data
python3 "$here/documents.py" same "$url" "$prefix-a" "$prefix-b"

dump --input="$url/$prefix-b" --output="$url/$prefix-c" --type=mapping
dump --input="$url/$prefix-b" --output="$url/$prefix-c" --type=data
python3 "$here/documents.py" same "$url" "$prefix-a" "$prefix-c"

# Only what a query finds.
dump --input="$url/$prefix-a" --output="$url/$prefix-d" --type=data \
    --searchBody='{"query":{"term":{"word":"plain"}}}'
python3 "$here/documents.py" count "$url" "$prefix-d" 309
echo "ok: elasticdump"
