#!/bin/sh
# Certificates per second and the CPU each costs, from signed order to committed
# certificate, beside a limit and a naive peer: name<TAB>value<TAB>unit. The core
# of the unit tests is what runs, so this has a tree of its own.
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
tree=$source/build/bench
mkdir -p "$tree"
{
    cmake -S "$source" -B "$tree" -G Ninja -DCMAKE_BUILD_TYPE=Release &&
        cmake --build "$tree" --target bench_issue signet-signer
} >"$tree/log" 2>&1 || {
    tail -20 "$tree/log" >&2
    exit 1
}
exec "$tree/bin/bench_issue"
