# Shared by the end-to-end and fault tests. A test that needs the services calls
# need_state (the shared one, made by state.sh) or own_state (to be broken).
: "${SIGNET_SOURCE:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${SIGNET_BUILD:=$SIGNET_SOURCE/build/release}"
export SIGNET_SOURCE SIGNET_BUILD
SIGNET=$SIGNET_SOURCE/signet
# Socket paths are short: under /tmp, one for each build folder.
SHARED_STATE=/tmp/signet-e2e-$(printf '%s' "$SIGNET_BUILD" | cksum | cut -d' ' -f1)
WORK=$(mktemp -d)
chmod 755 "$WORK"
trap 'clean_up' EXIT
trap 'exit 130' INT TERM

clean_up() {
    status=$?
    if [ -n "${OWN_STATE:-}" ]; then
        [ "$status" = 0 ] || for log in "$OWN_STATE"/log/*.log; do
            echo "== $log"
            grep -v '"event":"http.request"' "$log" | tail -n 15
        done
        "$SIGNET" down --state "$OWN_STATE" >/dev/null 2>&1 || true
        [ -z "${SMALL_DISK:-}" ] || umount "$SMALL_DISK"
        rm -rf "$OWN_STATE"
    fi
    rm -rf "$WORK"
}

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

# want NAME EXPECTED ACTUAL
want() {
    if [ "$2" = "$3" ]; then echo "ok $1"; else fail "$1: wanted '$2', got '$3'"; fi
}

# poll SECONDS COMMAND...: until it succeeds.
poll() {
    tries=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

need_state() {
    [ -f "$SHARED_STATE/complete" ] || "$SIGNET" up --no-samples --state "$SHARED_STATE" >/dev/null
    . "$SHARED_STATE/env"
    STATE=$SHARED_STATE
}

own_state() {
    OWN_STATE=$(mktemp -d /tmp/signet-own-XXXXXX)
    rmdir "$OWN_STATE"
    "$SIGNET" up --no-samples --state "$OWN_STATE" >"$WORK/up.log" 2>&1 || { cat "$WORK/up.log"; fail 'no state'; }
    . "$OWN_STATE/env"
    STATE=$OWN_STATE
}

# own_state_of_early_renewal DAYS: a state of its own where renewal opens that long
# before the end, not 90 days: in copies of the business and of both profiles.
own_state_of_early_renewal() {
    own_state
    mkdir "$STATE/business" "$STATE/profiles"
    cp "$SIGNET_SOURCE"/config/business/*.xml "$STATE/business"
    cp "$SIGNET_SOURCE"/config/profiles/*.xml "$STATE/profiles"
    sed -i "s/window-days=\"90\"/window-days=\"$1\"/" "$STATE/business/renew.xml" \
        "$STATE/profiles/organisation-signing.xml" "$STATE/profiles/organisation-encryption.xml"
    chmod -R a+rX "$STATE/business" "$STATE/profiles"
    sed -i "s|^ra.business_dir = .*|ra.business_dir = $STATE/business|; s|^ca.profiles_dir = .*|ca.profiles_dir = $STATE/profiles|" "$STATE/signet.conf"
    "$SIGNET" down --state "$STATE" >/dev/null
    "$SIGNET" up --state "$STATE" >/dev/null
    . "$STATE/env"
}

# The program on the state in use.
signet() { "$SIGNET" "$@" --state "$STATE"; }

# HTTPS to the CA as the administrator.
curl_ca() {
    curl -sS --cacert "$SIGNET_CA_BUNDLE" --cert "$STATE/tls/signet-admin.pem" --key "$STATE/tls/signet-admin.key" "$@"
}
