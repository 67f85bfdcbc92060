#!/bin/sh
# Compiles Go's standard library once, into a build cache that sandboxes see read-only.
# usage: prepare.sh DIR      makes DIR/VERSION/cache; does nothing when it is there for this Go
#
# A cache answers only builds that ask for the same: the variables here are those of language.ini.
# Module mode matters twice: outside of it a program gets the GODEBUG defaults of an old Go,
# and only in it does the cache hold the index without which a read-only cache finds no package.
set -eu
if [ $# != 1 ]; then
    echo "usage: prepare.sh DIR" >&2
    exit 2
fi
go=
for candidate in /usr/local/go/bin/go /usr/local/bin/go /usr/bin/go "$(command -v go || true)"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then
        go=$(readlink -f "$candidate") # the path that sandboxes have: Go finds its own folder by it
        break
    fi
done
if [ -z "$go" ]; then
    echo "prepare go: no Go is installed (apt-get install golang-go)" >&2
    exit 1
fi
version=$(env -i GOTOOLCHAIN=local GOENV=off HOME=/nonexistent "$go" version |
    sed -n '1s/^[^0-9]*\([0-9][0-9a-z.+-]*\).*/\1/p')
mkdir -p "$1"
dir=$(readlink -f "$1")/$version
if [ -e "$dir/complete" ]; then
    echo "prepare go: $dir is there already (Go $version)"
    exit 0
fi
echo "prepare go: compiling the standard library of Go $version into $dir (about a minute, 170 MB)"
start=$(date +%s)
rm -rf "$dir"
mkdir -p "$dir/cache"
cd / # no go.mod of a project on the way up
env -i PATH=/usr/bin:/bin GOPATH=/nonexistent GOCACHE="$dir/cache" GOENV=off GOTOOLCHAIN=local \
    GOPROXY=off GOSUMDB=off CGO_ENABLED=0 "$go" build std
# Whatever umask made it: every sandbox has a uid of its own and reads it.
chmod -R a+rX "$dir"
: >"$dir/complete"
echo "prepare go: done in $(($(date +%s) - start)) s, $(du -sm "$dir/cache" | cut -f1) MB"
