#!/usr/bin/env bash
# Behind `make analyze`: clang-tidy over every source file, then a build with gcc's own analyzer.
# Findings are for reading: the exit code says only whether the tools could run.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
tools/install-deps.sh build test analyze

echo "== clang-tidy"
[ -f "$build-clang/build.ninja" ] || CC=clang meson setup "$build-clang"
ninja -C "$build-clang" --quiet
find src -name '*.c' -print0 |
    xargs -0 clang-tidy --quiet -p "$build-clang" \
        --checks='-*,bugprone-*,cert-*,clang-analyzer-*,-bugprone-easily-swappable-parameters' || true

echo "== gcc -fanalyzer"
[ -f "$build-analyze/build.ninja" ] ||
    CC=gcc meson setup "$build-analyze" -Dc_args=-fanalyzer -Dwerror=false
ninja -C "$build-analyze" --quiet
