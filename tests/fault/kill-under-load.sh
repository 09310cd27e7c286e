#!/bin/sh
# 16 registration authorities send orders while signet-ca, its signers and PostgreSQL
# are killed at random. KILLS (60) and SEED say how often and in which order.
set -eu
. "$(dirname "$0")/lib-faults.sh"
KILLS=${KILLS:-60}
[ -n "${SEED:-}" ] || SEED=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
echo "seed $SEED"
own_state

# The process of a service; fails while it is down (0 would name our own group).
supervised() { awk -v name="$1" '$1 == name && $2 > 1 { print $2; found = 1 } END { exit !found }' "$STATE/run/supervisor.status"; }
children() { ps -o pid= --ppid "$1" 2>/dev/null || true; }
draw() { # draw N: sets $drawn, 0 to N-1; the same row for the same seed
    SEED=$(((SEED * 1103515245 + 12345) % 2147483648))
    drawn=$((SEED / 65536 % $1))
}
kill_one() {
    draw 4
    case $drawn in
    0 | 1) victim=$(supervised signet-ca) || return 0 ;;
    2)
        parent=$(supervised signet-ca) || return 0
        # shellcheck disable=SC2046
        set -- $(children "$parent")
        [ $# -gt 0 ] || return 0
        draw $#
        shift "$drawn"
        victim=$1
        ;;
    3)
        victim=$(supervised postgresql) || return 0
        victim="$victim $(children "$victim")"
        ;;
    esac
    # shellcheck disable=SC2086
    kill -KILL $victim 2>/dev/null || return 0
    done_kills=$((done_kills + 1))
}

promised() { wc -l <"$WORK/promises"; }
more_than() { [ "$(promised)" -gt "$1" ]; }

start_load 16 100000 # ended below, once the kills are done
done_kills=0
poll 20 more_than 0 || fail 'no order is answered'
while [ "$done_kills" -lt "$KILLS" ]; do
    kill_one
    kill -0 "$LOAD" 2>/dev/null || { cat "$WORK/load" "$WORK/load.err"; fail 'the load ended early'; }
    # Service resumes after each kill, before the next; and the next comes at any moment of it.
    poll 30 more_than "$(promised)" || fail "no order is answered 30 s after kill $done_kills ($victim)"
    draw 10
    sleep "0.$drawn"
done
echo "$done_kills kills"
kill -TERM "$LOAD"
finish_load
poll 20 "$SIGNET" status --state "$STATE" || fail 'not healthy after the kills'
check_invariants "$WORK/promises"
[ "$(promised)" -gt "$KILLS" ] || fail 'too few orders were answered to prove anything'
