# Shared by the fault tests: load, and what must hold after every fault.
. "$(dirname "$0")/../e2e/lib.sh"

sql() { psql -qAtX -d "$SIGNET_PG" -v ON_ERROR_STOP=1 -c "$1"; }

# start_load CLIENTS SECONDS [SETTLE]: in the background; promises in $WORK/promises.
start_load() {
    "$SIGNET_BUILD/bin/load" --url "$SIGNET_CA_URL" --trust "$SIGNET_CA_BUNDLE" \
        --cert "$STATE/tls/signet-admin.pem" --key "$STATE/tls/signet-admin.key" \
        --officers "$STATE/officers" --clients "$1" --seconds "$2" --settle "${3:-60}" \
        --promises "$WORK/promises" >"$WORK/load" 2>"$WORK/load.err" &
    LOAD=$!
}

# Waits for the load and for the CA to have finished what it recorded.
finish_load() {
    wait "$LOAD" || { cat "$WORK/load"; tail -20 "$WORK/load.err"; fail 'a word was broken under load'; }
    cat "$WORK/load"
    poll 30 nothing_open || fail 'orders stay open after the faults are over'
}

nothing_open() { [ "$(sql "SELECT (SELECT count(*) FROM ca.order WHERE state = 'recorded') + (SELECT count(*) FROM ca.certificate WHERE state = 'intended')")" = 0 ]; }

# none NAME SQL: the query must count nothing.
none() { want "$1" 0 "$(sql "$2")"; }

# The invariants that no fault may break (README: nothing is signed that was not
# recorded). $1: a promises file, or nothing.
check_invariants() {
    if [ -n "${1:-}" ]; then
        psql -qAtX -d "$SIGNET_PG" -v ON_ERROR_STOP=1 >"$WORK/kept" <<SQL
CREATE TEMP TABLE promise (order_id uuid, serial text, sha256 text);
\\copy promise FROM '$1' WITH (FORMAT text, DELIMITER ' ')
SELECT count(*) FROM promise p LEFT JOIN ca.certificate c USING (order_id)
WHERE c.state IS DISTINCT FROM 'valid' OR encode(c.serial, 'hex') <> p.serial
   OR encode(sha256(c.der), 'hex') <> p.sha256;
SQL
        want 'everything that was answered is there, the same to the octet' 0 "$(cat "$WORK/kept")"
    fi
    none 'what was signed is what was recorded' \
        "SELECT count(*) FROM ca.certificate WHERE der IS NOT NULL AND position(tbs IN der) NOT IN (3, 4, 5, 6)"
    none 'one order, one certificate or one pair, both halves in one state' \
        "SELECT count(*) FROM (SELECT 1 FROM ca.certificate JOIN ca.order USING (order_id)
         WHERE kind <> 'ceremony' AND ca.certificate.state <> 'void' GROUP BY order_id, body
         HAVING count(*) <> CASE WHEN convert_from(body, 'UTF8')::jsonb ? 'encryption' THEN 2 ELSE 1 END
             OR count(DISTINCT ca.certificate.state) > 1) AS wrong"
    none 'the log has no gap' \
        "SELECT (SELECT next_index FROM log.head) - (SELECT count(*) FROM log.entry)"
    none 'every certificate that was ordered has its decisions in the log before it' \
        "SELECT count(*) FROM ca.certificate c JOIN ca.order o USING (order_id)
         WHERE c.der IS NOT NULL AND o.kind = 'issue' AND NOT EXISTS (
            SELECT FROM log.entry a, log.entry i WHERE a.event = 'order.accepted' AND a.subject = o.order_id::text
            AND i.event = 'certificate.issued' AND i.index > a.index
            AND position(encode(c.serial, 'hex') IN convert_from(i.body, 'UTF8')) > 0)"
}
