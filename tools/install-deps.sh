#!/usr/bin/env bash
# Installs the Debian packages that a group of tasks needs, and only those that are missing.
#
#   tools/install-deps.sh GROUP…      GROUP: build test browser analyze c csharp python go
#
# It says what it is about to install, how much is downloaded and stored, and roughly how long that
# takes, before it begins. With nothing missing it says nothing and needs neither root nor network.
set -euo pipefail

# A Go of one's own in the usual place serves as well as Debian's.
go_is_there() {
    local go version
    for go in /usr/local/go/bin/go /usr/bin/go; do
        [ -x "$go" ] || continue
        version=$("$go" env GOVERSION 2>/dev/null) || continue
        version=${version#go1.}
        version=${version%%[!0-9]*}
        if [ "${version:-0}" -ge 19 ]; then
            return 0
        fi
    done
    return 1
}

packages_of() {
    case $1 in
    build)
        echo gcc libc6-dev binutils meson ninja-build pkg-config python3 libuv1-dev libjansson-dev \
            libseccomp-dev libinih-dev libsodium-dev uthash-dev libcurl4-openssl-dev curl
        ;;
    test)
        echo libcmocka-dev clang clang-format libclang-rt-14-dev python3-venv strace procps
        ;;
    browser) echo chromium python3-venv ;;
    analyze) echo clang-tidy ;;
    c) echo gcc libc6-dev binutils ;;
    csharp) echo mono-mcs mono-runtime libmono-corlib4.5-cil libmono-system-core4.0-cil ;;
    python) echo python3 ;;
    go) go_is_there || echo golang-go ;;
    *)
        echo "install-deps: unknown group '$1' (build test browser analyze c csharp python go)" >&2
        return 1
        ;;
    esac
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

is_known() {
    local candidate
    candidate=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null | awk '/Candidate:/ { print $2 }')
    [ -n "$candidate" ] && [ "$candidate" != "(none)" ]
}

# "83.1 MB" → 84 (whole megabytes, rounded up)
megabytes() {
    awk -v text="$1" 'BEGIN {
        split(text, part, " "); gsub(",", "", part[1])
        scale["B"] = 1e-6; scale["kB"] = 1e-3; scale["MB"] = 1; scale["GB"] = 1e3
        n = part[1] * scale[part[2]]; printf "%d", n == int(n) ? n : n + 1 }'
}

# Only installing needs root; everything else here works as any user.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "install-deps: this needs root, and there is no sudo. As root, run:" >&2
        echo "    $*" >&2
        return 1
    fi
}

missing=()
for group in "$@"; do
    packages=$(packages_of "$group")
    for package in $packages; do
        case " ${missing[*]-} " in *" $package "*) continue ;; esac
        if ! command -v dpkg-query >/dev/null; then
            echo "install-deps: not a Debian system; '$package' or its like must be there already" >&2
        elif ! is_installed "$package"; then
            missing+=("$package")
        fi
    done
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "To be installed with apt-get: ${missing[*]}"
for package in "${missing[@]}"; do
    if ! is_known "$package"; then
        echo "The package lists are not there yet; reading them first (apt-get update)."
        as_root apt-get update -qq
        break
    fi
done

plan=$(LC_ALL=C apt-get install -y --no-install-recommends --print-uris \
    -o Debug::NoLocking=1 "${missing[@]}" 2>&1) || {
    echo "$plan" >&2
    exit 1
}
download=$(sed -n 's/^Need to get \([0-9.,]* [kMG]*B\).*/\1/p' <<<"$plan")
disk=$(sed -n 's/^After this operation, \([0-9.,]* [kMG]*B\) of additional.*/\1/p' <<<"$plan")
new=$(sed -n 's/.* \([0-9]*\) newly installed.*/\1/p' <<<"$plan")
# A guess from 5 MB/s of network and 15 MB/s of unpacking: enough to know whether to wait or to leave.
seconds=$((10 + $(megabytes "${download:-0 B}") / 5 + $(megabytes "${disk:-0 B}") / 15))
echo "That is ${new:-${#missing[@]}} packages with what they depend on: ${download:-nothing} to download," \
    "${disk:-no} disk space, about $(((seconds + 29) / 30 * 30)) seconds."

export DEBIAN_FRONTEND=noninteractive
install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends)
if ! as_root "${install[@]}" "${missing[@]}" </dev/null; then
    echo "That failed; once more with fresh package lists."
    as_root apt-get update -qq
    as_root "${install[@]}" "${missing[@]}" </dev/null
fi
