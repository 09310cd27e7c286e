# Starting and stopping a state that is complete.

supervisor_pid() {
    [ -f "$STATE/run/supervisor.pid" ] || return 1
    pid=$(cat "$STATE/run/supervisor.pid")
    # The file outlives a crash; the lock and the name do not.
    [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q "service supervise --state $STATE " || return 1
}

launch_start() {
    need_state
    if supervisor_pid; then return 0; fi
    # The subshell gives up our output at once: `./signet up | less` must end.
    (
        exec </dev/null >>"$STATE/log/supervisor.log" 2>&1
        set -- --state "$STATE" --programs "$PROGRAMS" --postgres "$POSTGRES"
        # A state that was made before there was a key management centre has none.
        ! grep -q '^kmc\.listen' "$STATE/signet.conf" || set -- "$@" --kmc
        [ ! -x "$STATE/world/start" ] || set -- "$@" --outside "$STATE/world/start"
        as_owner setsid "$PROGRAMS/signet" service supervise "$@"
    ) &
}

# Until every service says it is healthy.
launch_wait() {
    tries=0
    until program service status --state "$STATE" >"$STATE/run/health" 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt "${1:-300}" ]; then
            cat "$STATE/run/health" >&2
            stop_with "not healthy after a minute; $STATE/log/*.log tell why"
        fi
        sleep 0.2
    done
}

launch_down() {
    need_state
    if ! supervisor_pid; then
        say "nothing runs in $STATE"
        return 0
    fi
    kill -TERM "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -le 600 ] || stop_with "process $pid does not end"
        sleep 0.1
    done
    say "stopped $STATE"
}
