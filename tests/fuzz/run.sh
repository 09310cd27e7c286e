#!/bin/sh
# run.sh FUZZER CORPUS: a short run of one fuzz entry point from its corpus, the same each time,
# so that a red test is about the change. FUZZ_SECONDS=N runs N seconds of new inputs instead.
# What breaks it is shown and belongs into the corpus.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ls "$2"/* >/dev/null # a parser without a corpus is not fuzzed, it is shouted at
if [ -n "${FUZZ_SECONDS:-}" ]; then
    set -- "$1" "$2" "-max_total_time=$FUZZ_SECONDS"
else
    set -- "$1" "$2" -seed=1 -runs=20000
fi
"$1" "$3" ${4:+"$4"} -timeout=20 -rss_limit_mb=2048 -max_len=65536 \
    -artifact_prefix="$work/" -print_final_stats=1 "$work" "$2" >"$work/log" 2>&1 || {
    tail -40 "$work/log"
    for input in "$work"/crash-* "$work"/timeout-* "$work"/oom-* "$work"/leak-*; do
        [ -f "$input" ] && { echo "$input:"; base64 "$input"; }
    done
    exit 1
}
grep 'number_of_executed_units' "$work/log"
