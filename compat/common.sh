# What the scripts of this folder share; read by them, not run. The first argument of each is the URL
# of a running server, http://127.0.0.1:9200 if there is none.
set -euo pipefail

url=${1:-http://127.0.0.1:9200}
url=${url%/}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tool=$(basename "$0" .sh)
# Indices of one run, of which nothing is left in the end.
prefix=compat-$tool-$$
scratch=$(mktemp -d)
children=()

# Ends what was started and removes what was made.
clean_up() {
    local status=$? child index
    set +e
    for child in "${children[@]}"; do
        kill "$child" 2>/dev/null || continue
        wait "$child" 2>/dev/null
    done
    if [ $status -ne 0 ]; then
        echo "FAILED: $tool" >&2
        find "$scratch" -maxdepth 1 -name '*.log' -exec tail -n 20 {} + >&2
    fi
    # One by one: by a wildcard is not allowed everywhere.
    for index in $(curl -sf "$url/_cat/indices/$prefix-*?h=index"); do
        curl -s -o /dev/null -X DELETE "$url/$index"
    done
    rm -rf "$scratch"
    exit $status
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# Ends the run with a reason.
fail() {
    echo "$tool: $*" >&2
    exit 1
}

# Has the packages of a tool installed, and says so: only what is missing.
need_debian() {
    local package missing=()
    for package in "$@"; do
        if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} -ne 0 ]; then
        [ "$(id -u)" = 0 ] || fail "needs the Debian packages ${missing[*]}: install them, or run as root"
        echo "installing the Debian packages ${missing[*]}"
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" \
            >"$scratch/apt.log" 2>&1 || fail "apt-get could not install ${missing[*]}"
    fi
    for package in "$@"; do
        echo "$package $(dpkg-query -W -f '${Version}' "$package")"
    done
}

# A port of this machine that nothing listens on.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Waits up to 30 seconds until a command succeeds.
wait_for() {
    local began=$SECONDS
    until "$@"; do
        [ $((SECONDS - began)) -lt 30 ] || fail "waited in vain for: $*"
        sleep 0.1
    done
}

command -v curl >/dev/null && command -v python3 >/dev/null || fail "needs curl and python3"
curl -sf -o /dev/null "$url/" || fail "nothing answers at $url"
