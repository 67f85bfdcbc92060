#!/usr/bin/env bash
# Behind `make test`: everything that can be proved, phase by phase, each with its time; then what
# passed and failed. The last line is "N passed, N failed[, N skipped]"; the exit code follows it.
#
#   tools/test.sh [--long] [--only PHASE]…      PHASE: see `phases` at the end
#
# Everything lands under $BUILD (build), $BUILD-address, $BUILD-thread and $BUILD-clang.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
export RETORT_TEST_LONG=
only=()
while [ $# -gt 0 ]; do
    case $1 in
    --long) RETORT_TEST_LONG=1 ;;
    --only)
        shift
        only+=("${1:?--only needs a phase}")
        ;;
    *)
        sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done

logs=$build/test-logs
venv=$build/venv
jobs=$(nproc)
passed=0 failed=0 skipped=0
summary=()
failures=()
mkdir -p "$logs"
rm -f "$logs"/*

wanted() {
    local phase
    [ ${#only[@]} -eq 0 ] && return 0
    for phase in "${only[@]}"; do
        [ "$phase" = "$1" ] && return 0
    done
    return 1
}

# phase NAME WHAT COMMAND… — runs it, shows it, keeps its output, counts what it proved: the tests of
# the reports the command leaves in $report.*.xml, or else itself.
phase() {
    local name=$1 what=$2 began ended code counts p f s
    shift 2
    wanted "$name" || return 0
    report=$logs/$name
    printf '\n== %s: %s\n' "$name" "$what"
    began=$EPOCHREALTIME
    ("$@") 2>&1 </dev/null | tee "$report.log"
    code=${PIPESTATUS[0]}
    ended=$EPOCHREALTIME
    counts=$(python3 tools/test-counts.py "$code" "$report.failures" "$report".*.xml)
    read -r p f s <<<"$counts"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    while IFS= read -r line; do
        failures+=("$name: $line")
    done <"$report.failures"
    seconds=$(((${ended/./} - ${began/./}) / 100000))
    line=$(printf '%-4s %-20s %4d passed %3d failed %3d skipped %6d.%d s' \
        "$([ "$f" -eq 0 ] && echo ok || echo FAIL)" "$name" "$p" "$f" "$s" \
        $((seconds / 10)) $((seconds % 10)))
    summary+=("$line")
    echo "-- $line"
}

# ---- what the phases do ----
# A phase that cannot be run here; in continuous integration that is a failure.
skip() { [ -z "${CI:-}" ] && return 77 || return 1; }

packages() {
    # shellcheck disable=SC2086 # LANGS is a list of words
    tools/install-deps.sh build test ${LANGS:-c csharp python go} &&
        { ! wanted browser || tools/install-deps.sh browser; } || return 1
    # The system's own Python, whatever else is first in PATH.
    if [ ! -x "$venv/bin/pytest" ] || ! cmp -s tests/requirements.txt "$venv/requirements.txt"; then
        rm -rf "$venv"
        /usr/bin/python3 -m venv "$venv" &&
            "$venv/bin/pip" install -q --disable-pip-version-check -r tests/requirements.txt &&
            cp tests/requirements.txt "$venv/requirements.txt" || return 1
    fi
    echo "all there"
}

check_format() {
    find src tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror && echo "format: ok"
}

# Each public header must compile by itself: it names what it needs (style: lean headers).
check_headers() {
    local header bad=0
    while IFS= read -r header; do
        echo "#include \"${header#src/}\"" |
            gcc -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror -Isrc -fsyntax-only -x c - || bad=1
    done < <(find src -name '*.h' | sort)
    [ $bad -eq 0 ] && echo "headers: ok"
    return $bad
}

compile() { # DIR CC [meson options]
    local dir=$1 cc=$2
    shift 2
    local log=$logs/setup-${dir##*/}.log
    # A folder from before an option was there cannot be configured again, only made anew.
    if [ -f "$dir/build.ninja" ] && ! meson configure "$dir" -Dtests=enabled >"$log" 2>&1; then
        rm -rf "$dir"
    fi
    if [ ! -f "$dir/build.ninja" ]; then
        CC=$cc meson setup "$dir" -Dtests=enabled "$@" >"$log" 2>&1 || {
            cat "$log"
            return 1
        }
    fi
    ninja -C "$dir" -j "$jobs" --quiet && echo "built $dir"
}

unit() { # DIR [PATTERN of tests to leave out]
    local dir=$1 out=${2:-^$} code
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
    rm -f "$dir/meson-logs/testlog.junit.xml"
    meson test -C "$dir" --list 2>/dev/null | sed -n 's/^.* \/ //p' | grep -vE "$out" |
        xargs "${wrap[@]}" meson test -C "$dir" --no-rebuild --print-errorlogs \
            --num-processes "$jobs" --timeout-multiplier 3
    code=$?
    cp "$dir/meson-logs/testlog.junit.xml" "$report.meson.xml" 2>/dev/null
    return $code
}

# What some languages need compiled ahead (Go's standard library); all servers of the tests share it.
prepare() {
    local lang
    for lang in ${LANGS:-c csharp python go}; do
        if [ -x "languages/$lang/prepare.sh" ]; then
            "languages/$lang/prepare.sh" "$(realpath -m "$build")/toolchains/$lang" || return 1
        fi
    done
}

integration() { # DIR FILE… — the real binary, from outside
    local dir=$1
    shift
    if [ "$(id -u)" != 0 ]; then
        echo "The integration tests make sandboxes with limits, which needs root here:"
        echo "    sudo make test"
        skip
        return
    fi
    # No leak check: the server's filter denies ptrace, which it needs. The unit tests have it.
    RETORT_BUILD=$dir RETORT_TOOLCHAINS=$build/toolchains \
        ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=exitcode=66 \
        "${wrap[@]}" "$venv/bin/python" -m pytest -p no:cacheprovider -q --durations=8 --tb=short \
        --junit-xml="$report.pytest.xml" "$@"
}

tools_tests() {
    "$venv/bin/python" -m pytest -p no:cacheprovider -q --tb=short \
        --junit-xml="$report.pytest.xml" tests/unit/tools
}

browser() {
    RETORT_SCREENSHOTS=$build/screenshots integration "$address" tests/browser &&
        echo "screenshots to look at: $build/screenshots"
}

fuzz() { FUZZ_SECONDS=${FUZZ_SECONDS:-60} tools/fuzz.sh; }

# ThreadSanitizer of gcc 12 needs an address space that is not too random.
wrap=()
unshuffled() {
    if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -gt 28 ]; then
        wrap=(setarch -R)
    fi
    "$@"
}

# ---- the phases ----
began=$SECONDS
address=$build-address thread=$build-thread clang=$build-clang
phase packages "what the tests need" packages
if [ "$failed" -eq 0 ]; then
    phase modules "module table, sizes, words" tools/check-modules.py
    phase format "clang-format" check_format
    phase headers "each header compiles by itself" check_headers
    phase tools "tests of the tools" tools_tests
    phase build-address "gcc, AddressSanitizer and UBSan" \
        compile "$address" gcc -Db_sanitize=address,undefined -Db_lundef=false
    phase unit "unit tests and fuzz corpora, with leak check" unit "$address"
    phase prepare "what languages need compiled ahead" prepare
    phase integration "the real binary from outside" integration "$address" tests/integration
    phase browser "the page in a real browser" browser
    phase build-thread "gcc, ThreadSanitizer" \
        compile "$thread" gcc -Db_sanitize=thread -Db_lundef=false
    # The sandbox is one thread's work (sandbox.h), and clones as ThreadSanitizer cannot follow.
    phase unit-thread "unit tests but the sandbox's" unshuffled unit "$thread" '^sandbox/'
    phase integration-thread "queue and hang-ups" \
        unshuffled integration "$thread" tests/integration/test_queue.py
    phase build-clang "clang, no warning" compile "$clang" clang
    phase unit-clang "unit tests" unit "$clang"
    phase integration-clang "WebCompile" integration "$clang" tests/integration/test_webcompile.py
    if [ -n "$RETORT_TEST_LONG" ]; then
        phase fuzz "each parser of foreign bytes" fuzz
    fi
fi

echo
echo "== summary ($(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s; logs in $logs)"
printf '   %s\n' "${summary[@]}"
if [ ${#failures[@]} -gt 0 ]; then
    echo
    echo "failed:"
    printf '   %s\n' "${failures[@]}"
fi
echo
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
