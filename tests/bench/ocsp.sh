#!/bin/sh
# What an OCSP answer costs in CPU, beside nginx that returns as many octets
# without looking at the request (performance.md, 10: O1, O9, O11). Medians of
# the ratios of interleaved rounds: name<TAB>value<TAB>unit.
#   ocsp.sh [ROUNDS] [SECONDS]
set -eu
rounds=${1:-5}
seconds=${2:-3}
bench=${SIGNET_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build/release}/bin/bench_ocsp
work=$(mktemp -d)
pids=
clean() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    for pid in $pids; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 1' INT TERM

for tool in nginx wrk valgrind; do
    command -v "$tool" >/dev/null || { echo "bench: $tool is missing" >&2; exit 1; }
done
"$bench" serve "$work" &
ours=$!
pids="$pids $ours"
n=0
until [ -s "$work/address" ]; do
    n=$((n + 1))
    [ "$n" -lt 300 ] || { echo 'bench: the server does not start' >&2; exit 1; }
    sleep 0.1
done
address=$(cat "$work/address")
size=$(cat "$work/size")

# The peer: one worker, keep-alive without end, an answer of the same size.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
body=$(head -c "$size" /dev/zero | tr '\0' x)
cat >"$work/nginx.conf" <<END
daemon off; master_process off; error_log $work/nginx.err; pid $work/nginx.pid;
events { worker_connections 1024; }
http {
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
    default_type application/ocsp-response; client_body_temp_path $work;
    proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
    server { listen 127.0.0.1:$port; location / { return 200 "$body"; } }
}
END
nginx -c "$work/nginx.conf" -p "$work" &
peer=$!
pids="$pids $peer"
n=0
until wrk -c1 -t1 -d1 "http://127.0.0.1:$port/" >/dev/null 2>&1; do
    n=$((n + 1))
    [ "$n" -lt 20 ] || { echo 'bench: nginx does not start' >&2; exit 1; }
done

ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
hertz=$(getconf CLK_TCK)

# CPU of process $1 in microseconds for each request that script $3 makes of
# server $2.
cost() {
    before=$(ticks "$1")
    wrk -c64 -t1 -d"${seconds}s" -s "$work/$3.lua" "http://$2" >"$work/wrk"
    after=$(ticks "$1")
    ! grep -q 'Non-2xx\|Socket errors' "$work/wrk" || { cat "$work/wrk" >&2; exit 1; }
    awk -v t=$((after - before)) -v hz="$hertz" '/requests in/ { printf "%.3f\n", t / hz * 1e6 / $1 }' "$work/wrk"
}
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.3f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
report() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }

cost "$ours" "$address" get >/dev/null # fills the cache
round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    for kind in get post; do
        base=$(cost "$peer" "127.0.0.1:$port" "$kind")
        mine=$(cost "$ours" "$address" "$kind")
        echo "$base" >>"$work/$kind.base"
        echo "$mine" >>"$work/$kind.mine"
        awk -v a="$mine" -v b="$base" 'BEGIN { printf "%.3f\n", a / b }' >>"$work/$kind.ratio"
    done
    live=$(cost "$ours" "$address" live)
    echo "$live" >>"$work/live.mine"
    sign=$("$bench" sign 5000 | awk '{ printf "%.3f\n", $1 / 1000 }')
    echo "$sign" >>"$work/sign"
    awk -v a="$live" -v s="$sign" -v c="$mine" 'BEGIN { printf "%.3f\n", a / (s + c) }' >>"$work/live.ratio"
done
for kind in get post; do
    report "ocsp_${kind}_cpu_vs_nginx_return" "$(median <"$work/$kind.ratio")" 'ratio, bar 1.15'
    report "ocsp_${kind}_cpu" "$(median <"$work/$kind.mine")" 'us a request'
    report "nginx_return_${kind}_cpu" "$(median <"$work/$kind.base")" 'us a request'
done
report ocsp_live_signed_cpu "$(median <"$work/live.mine")" 'us a request'
report hsm_sign_cpu "$(median <"$work/sign")" 'us a signature'
report ocsp_live_cpu_vs_sign_and_cached "$(median <"$work/live.ratio")" 'ratio, bar 1.25'

# Instructions of a cached answer from head to reply: exact, so a difference of
# two runs is enough.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$bench" handle "$1" 2>&1 |
        sed -n 's/.*Collected : *//p'
}
few=$(count 10000)
many=$(count 60000)
report ocsp_handler_instructions $(((many - few) / 50000)) 'instructions a request, bar 4260'
