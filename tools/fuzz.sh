#!/usr/bin/env bash
# Behind `make fuzz`: every fuzz target with libFuzzer for FUZZ_SECONDS (60) each, from its committed
# corpus. New inputs go to $BUILD-fuzz/corpus; one that crashes is named, and belongs into the committed
# corpus together with its fix.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
seconds=${FUZZ_SECONDS:-60}
tools/install-deps.sh build test
[ -f "$build-fuzz/build.ninja" ] ||
    CC=clang meson setup "$build-fuzz" -Dfuzz=true -Dtests=disabled -Db_sanitize=address,undefined \
        -Db_lundef=false
ninja -C "$build-fuzz" --quiet

failed=0
for target in "$build-fuzz"/tests/fuzz/fuzz_*; do
    if [ ! -f "$target" ] || [ ! -x "$target" ]; then
        continue
    fi
    name=${target##*/fuzz_}
    corpus=tests/fuzz/corpus/$name
    found=$build-fuzz/corpus/$name
    mkdir -p "$found"
    dictionary=()
    if [ -f "tests/fuzz/dictionaries/$name.dict" ]; then
        dictionary=("-dict=tests/fuzz/dictionaries/$name.dict")
    fi
    echo "== $name: $seconds s"
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build-fuzz/crash-$name-" "${dictionary[@]}" "$found" "$corpus" \
        2>"$build-fuzz/$name.log" || {
        failed=$((failed + 1))
        tail -30 "$build-fuzz/$name.log"
    }
    grep -E '^stat::(number_of_executed_units|new_units_added)' "$build-fuzz/$name.log" || true
done
echo "fuzz: $failed target(s) failed"
[ "$failed" -eq 0 ]
