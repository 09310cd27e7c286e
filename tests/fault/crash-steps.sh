#!/bin/sh
# signet-ca is killed at its Nth call of each kind during one order, for every N: whatever
# instant it dies at, the order is finished once and everything that was answered stays.
# A second round lets the call fail instead (ENOSPC), which must never become a success.
set -eu
. "$(dirname "$0")/../e2e/lib-orders.sh"
. "$(dirname "$0")/lib-faults.sh"
own_state

ca_pid() { awk '$1 == "signet-ca" { print $2 }' "$STATE/run/supervisor.status"; }
family() { for p in "$1" $(ps -o pid= --ppid "$1" 2>/dev/null); do printf ' -p %s' "$p"; done; }
answers() { [ "$(curl_ca -o "$WORK/done" -w '%{http_code}' -m 20 -H 'Content-Type: application/json' --data-binary "@$WORK/envelope" "$SIGNET_CA_URL/v1/orders" 2>/dev/null)" = 200 ]; }
hit() { grep -q 'INJECTED\|killed by SIGKILL' "$WORK/trace" 2>/dev/null; }
# A job of the service's own may make the call before anybody looks: then the tracer is gone again.
attached() { grep -q '^TracerPid:[^0]*[1-9]' "/proc/$(ca_pid)/status" 2>/dev/null || hit; }
ready() { curl_ca -sf -o /dev/null -m 3 "$SIGNET_CA_URL/health" 2>/dev/null; }

one_step() { # CALL N ACTION: 0 when the call was reached
    poll 20 ready || fail "$1 $2: signet-ca is not back"
    new_order issue "step-$steps" ec-p256 | approve >"$WORK/envelope"
    rm -f "$WORK/trace"
    # A tracer may miss the end of a thread among thirty that die at once, and wait for ever: -k.
    # shellcheck disable=SC2046
    timeout -k 2 60 strace -f -qq -o "$WORK/trace" -e "trace=$1" -e "inject=$1:$3:when=$2" $(family "$(ca_pid)") 2>"$WORK/strace" &
    tracer=$!
    poll 20 attached || fail "strace does not attach: $(cat "$WORK/strace")"
    answers || true
    kill "$tracer" 2>/dev/null || true
    wait "$tracer" 2>/dev/null || true
    poll 20 ready || fail "$1 $2: signet-ca is not back"
    poll 20 answers || { cat "$WORK/done"; fail "$1 $2: the order is not answered afterwards"; }
    first=$(jq -r '.certificates[0].der' "$WORK/done")
    answers || fail "$1 $2: no second answer"
    [ "$first" = "$(jq -r '.certificates[0].der' "$WORK/done")" ] || fail "$1 $2: two answers"
    order_id=$(jq -r .order_id "$WORK/done")
    [ "$(sql "SELECT count(*) FROM ca.certificate WHERE order_id = '$order_id' AND state = 'valid'")" = 1 ] || fail "$1 $2: not one certificate"
    steps=$((steps + 1))
    hit
}

steps=0
for call in sendto write writev sendmsg; do
    n=1
    while [ "$n" -le "${TO:-40}" ] && one_step "$call" "$n" signal=KILL; do n=$((n + 1)); done
    echo "ok killed at each of $((n - 1)) calls of $call"
done
for call in sendto write; do
    n=1
    while [ "$n" -le 12 ] && one_step "$call" "$n" error=ENOSPC; do n=$((n + 3)); done
    echo "ok $call failed with ENOSPC"
done
[ "$steps" -gt 10 ] || fail "only $steps steps: the kills never hit"
poll 20 nothing_open || fail 'orders stay open'
check_invariants
