#!/usr/bin/env bash
# Behind `make run`: from a clean checkout to a server that answers, each step said before it is done.
# Takes options of `retort serve`; BUILD, LANGS, CC and SANITIZER come from make.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build}
langs=${LANGS:-c csharp python go}

step() { printf '\n== %s\n' "$*"; }

# Sandboxes with limits need root; `retort serve` gives up what it does not need by itself.
as_root=()
if [ "$(id -u)" != 0 ]; then
    as_root=(sudo)
fi

step "packages (LANGS=\"$langs\")"
# shellcheck disable=SC2086 # LANGS is a list of words
tools/install-deps.sh build $langs
echo "All there."

step "build (under a minute the first time)"
make --no-print-directory all

toolchains=$(realpath -m "$build")/toolchains
for lang in $langs; do
    if [ -x "languages/$lang/prepare.sh" ]; then
        step "what $lang needs compiled ahead, once ($build/toolchains/$lang)"
        "languages/$lang/prepare.sh" "$toolchains/$lang"
    fi
done

# What to try, once the server has printed its address.
commands() {
    local server=
    [ "$1" = http://127.0.0.1:8000 ] || server=" --server $1"
    cat <<END

Three things to try, in another terminal:

  1. WebCompile's program, by curl:
     curl --data-urlencode 'code=public class X { public static void Main() { int sum = 0; for(int i = 0; i < 1000; i++) sum += i; System.Console.WriteLine("Sum: " + sum); } }' $1/compile

  2. a C program, by the API:
     curl --json '{"language":"c","files":[{"name":"main.c","content":"#include <stdio.h>\nint main(void) { puts(\"hello\"); }\n"}]}' $1/api/v1/runs

  3. a file, by the command line:
     echo 'print("hello from a sandbox")' > hello.py && $build/retort run hello.py$server

Or open $1/ in a browser. Ctrl+C ends the server.
END
}

step "server"
# The reader lives until the server closes its output, so Ctrl+C is the server's alone to act on.
# (This shell only waits: with a handler of its own it goes on to report the server's exit code.)
trap : INT
"${as_root[@]}" "$build/retort" serve --languages "$PWD/languages" --toolchains "$toolchains" \
    --langs "${langs// /,}" "$@" | (
    trap '' INT TERM
    while IFS= read -r line; do
        printf '%s\n' "$line"
        case $line in
        "studio http"*)
            url=${line#studio }
            commands "$url"
            ;;
        esac
    done
)
