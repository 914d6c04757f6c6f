#!/usr/bin/env bash
# The Rust client, the crate `elasticsearch`: the program is in rust/, which has a lock file of its own.
#
#     compat/rust.sh [URL]
#
# Builds into CARGO_TARGET_DIR, or else into a folder that is removed in the end.
source "$(dirname "$0")/common.sh"

command -v cargo >/dev/null || fail "needs cargo"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$scratch/target}
echo "building a program with the crates of compat/rust/Cargo.lock"
cargo build --quiet --locked --manifest-path "$here/rust/Cargo.toml" >"$scratch/cargo.log" 2>&1 ||
    fail "it does not build"
echo "elasticsearch $(sed -n "/^name = \"elasticsearch\"/{n;s/version = //p}" "$here/rust/Cargo.lock" | tr -d \")"
"$CARGO_TARGET_DIR/debug/compat" "$url" "$prefix"
echo "ok: rust"
