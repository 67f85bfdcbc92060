#!/bin/sh
# Compiles Go's standard library once, into a build cache that sandboxes see read-only.
# usage: prepare.sh DIR      makes DIR/cache; does nothing when it is there for this Go
#
# The flags are those of language.ini: a cache is of use only for a build that asks for the same.
set -eu
dir=$1
go=
for candidate in /usr/local/go/bin/go /usr/local/bin/go /usr/bin/go; do
    if [ -x "$candidate" ]; then
        go=$candidate
        break
    fi
done
if [ -z "$go" ]; then
    echo "prepare go: no Go is installed (apt-get install golang-go)" >&2
    exit 1
fi
version=$("$go" version)
if [ "$(cat "$dir/made-for" 2>/dev/null)" = "$version" ]; then
    echo "prepare go: the build cache in $dir is there for $version"
    exit 0
fi
echo "prepare go: compiling the standard library for $version into $dir (about a minute, 200 MB)"
rm -rf "$dir/cache" "$dir/cache.new"
mkdir -p "$dir/cache.new"
start=$(date +%s)
cd /
# The cache is content-addressed: its own path is in no entry, so it may be renamed when complete.
env -i PATH=/usr/bin:/bin HOME=/nonexistent GOCACHE="$(readlink -f "$dir")/cache.new" \
    GOTOOLCHAIN=local GOPROXY=off GOSUMDB=off GO111MODULE=auto GOTELEMETRY=off GOENV=off \
    GOFLAGS=-buildvcs=false CGO_ENABLED=0 "$go" build -trimpath std
mv "$dir/cache.new" "$dir/cache"
chmod -R a+rX "$dir/cache"
echo "$version" >"$dir/made-for"
echo "prepare go: done in $(($(date +%s) - start)) s, $(du -sm "$dir/cache" | cut -f1) MB"
