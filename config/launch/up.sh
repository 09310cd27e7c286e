# ./signet up: from a fresh machine to healthy services.
. "$SOURCE/config/launch/run.sh"

launch_up() {
    refuse_half_made
    # shellcheck disable=SC2086
    packages $BUILD_PACKAGES $RUN_PACKAGES
    build_release
    is_new=no
    [ -f "$STATE/complete" ] || { make_state && is_new=yes; }
    launch_start
    launch_wait
    [ "$is_new" = no ] || [ "${1:-}" = --no-samples ] || make_samples
    keep_calendar
    print_welcome
}

# Holidays and make-up days, each year's once: what an administrator changed
# afterwards stays.
keep_calendar() {
    for csv in "$SOURCE"/config/calendar/*.csv; do
        taken="$STATE/run/calendar-$(basename "$csv" .csv)"
        [ ! -f "$taken" ] || continue
        program_as_owner calendar import "$csv" --officer "$STATE/officers/admin-a" >/dev/null || {
            say "the working days of $csv were not taken; the next ./signet up tries again"
            continue
        }
        as_owner touch "$taken"
    done
}

# In a subshell: around a function the shell keeps a copy of our output open,
# and what goes on running would hold it: `./signet demo | less` must end.
launch_up_quietly() {
    (exec >&2 && launch_up)
}

# A state is complete or it is nothing: until DIR/complete is there nobody has
# used any of it.
refuse_half_made() {
    [ -f "$STATE/complete" ] && return 0
    [ -d "$STATE" ] || return 0
    [ -n "$(ls -A "$STATE" 2>/dev/null)" ] || return 0
    if [ -f "$STATE/half-made" ]; then
        stop_with "$STATE was left half-made by a start that was interrupted, and nothing in it was ever used: remove it (rm -r '$STATE') and start again"
    fi
    stop_with "$STATE holds something that is no Signet state; name an empty folder"
}

make_state() {
    say "making $STATE"
    # A socket's path is at most 107 octets; PostgreSQL adds about 20.
    [ ${#STATE} -le 80 ] || stop_with "the path $STATE is too long for PostgreSQL's socket; use one of at most 80 characters"
    make_owner
    umask 022
    mkdir -p "$STATE"
    : >"$STATE/half-made"
    for folder in run log tokens pins tls public officers protocol lock world; do mkdir -p "$STATE/$folder"; done
    chmod 700 "$STATE/tokens" "$STATE/pins" "$STATE/tls" "$STATE/lock" "$STATE/world"
    chmod 755 "$STATE" "$STATE/public"
    if [ "$(id -u)" = 0 ]; then
        let_owner_reach "$STATE"
        let_owner_reach "$PROGRAMS"
        chown -R "$OWNER:$OWNER" "$STATE"
    fi
    let_owner_reach "$SOURCE/tests/sim"
    make_database
    make_tokens
    write_configuration
    as_owner "$PROGRAMS/signet" --config "$STATE/signet.conf" db migrate
    make_authority
    make_key_management
    write_env
    stop_database
    as_owner touch "$STATE/complete"
    rm -f "$STATE/half-made"
}

make_owner() {
    [ "$(id -u)" = 0 ] || return 0
    id "$OWNER" >/dev/null 2>&1 && return 0
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$OWNER"
}

# Every folder above must let OWNER pass (a clone in /root does not): an entry
# for this one user, and only to pass through.
let_owner_reach() {
    path=$1
    while [ "$path" != / ]; do
        if ! as_owner test -x "$path"; then
            say "letting user $OWNER pass through $path"
            setfacl -m "u:$OWNER:x" "$path" ||
                stop_with "user $OWNER cannot reach $1: $path is closed; use --state with a folder that is not"
        fi
        path=$(dirname "$path")
    done
}

make_database() {
    as_owner "$POSTGRES/initdb" -D "$STATE/pg" -U signet_owner -A peer --no-locale -E UTF8 -k >"$STATE/log/initdb.log" 2>&1 ||
        stop_with "initdb failed; see $STATE/log/initdb.log"
    as_owner tee -a "$STATE/pg/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$STATE/run'
unix_socket_permissions = 0777
max_connections = 100
log_line_prefix = '%m [%p] %u '
CONF
    # One person's machine: this state's user, and root, may be any role. In
    # production each service has a system user of its own (docs/install.md).
    echo "local all all peer map=signet" | as_owner tee "$STATE/pg/pg_hba.conf" >/dev/null
    for role in owner ca kmc ra ocsp audit; do
        echo "signet $(as_owner id -un) signet_$role"
        [ "$(id -u)" != 0 ] || echo "signet root signet_$role"
    done | as_owner tee "$STATE/pg/pg_ident.conf" >/dev/null
    as_owner "$POSTGRES/pg_ctl" -D "$STATE/pg" -w -l "$STATE/log/postgresql.log" start >/dev/null ||
        stop_with "PostgreSQL did not start; see $STATE/log/postgresql.log"
    trap stop_database EXIT
    as_owner "$POSTGRES/createdb" -h "$STATE/run" -U signet_owner signet
}

stop_database() {
    trap - EXIT
    as_owner "$POSTGRES/pg_ctl" -D "$STATE/pg" -w -m fast stop >/dev/null 2>&1 || true
}

make_tokens() {
    as_owner tee "$STATE/softhsm2.conf" >/dev/null <<CONF
directories.tokendir = $STATE/tokens
objectstore.backend = file
log.level = ERROR
slots.removable = false
library.reset_on_fork = true
CONF
    SOFTHSM2_CONF=$STATE/softhsm2.conf
    export SOFTHSM2_CONF
    for token in root ca ocsp ra kgen; do
        make_pin "$STATE/pins/$token.pin"
        make_pin "$STATE/pins/$token.so-pin"
        as_owner softhsm2-util --init-token --free --label "signet-$token" \
            --pin "$(cat "$STATE/pins/$token.pin")" --so-pin "$(cat "$STATE/pins/$token.so-pin")" >/dev/null
    done
}

make_pin() {
    as_owner sh -c 'umask 077; openssl rand -hex 16 >"$1"' sh "$1"
}

write_configuration() {
    # Certificates carry these addresses, so they stay as they are for good.
    # shellcheck disable=SC2046
    set -- $("$PROGRAMS/signet" service ports 9)
    make_world "$2" "$4,$5,$6,$7,$8"
    as_owner tee "$STATE/signet.conf" >/dev/null <<CONF
# Made by ./signet up. \`./signet config doc\` explains every setting.
log.level = info
publish.url = http://127.0.0.1:$3
schema_dir = $SOURCE/config/schema

db.owner = host=$STATE/run dbname=signet user=signet_owner
db.ca = host=$STATE/run dbname=signet user=signet_ca
db.kmc = host=$STATE/run dbname=signet user=signet_kmc
db.ra = host=$STATE/run dbname=signet user=signet_ra
db.ocsp = host=$STATE/run dbname=signet user=signet_ocsp
db.audit = host=$STATE/run dbname=signet user=signet_audit
db.migrations_dir = $SOURCE/db/migrations

hsm.module = /usr/lib/softhsm/libsofthsm2.so
hsm.lock_dir = lock
hsm.signer_path = $PROGRAMS/signet-signer
hsm.root.pin_file = pins/root.pin
hsm.ca.pin_file = pins/ca.pin
hsm.ocsp.pin_file = pins/ocsp.pin
hsm.ra.pin_file = pins/ra.pin
hsm.kgen.pin_file = pins/kgen.pin

tls.trust_file = public/bundle.pem

ca.listen = 127.0.0.1:$1
ca.certificate_file = tls/ca.pem
ca.key_file = tls/ca.key
ca.profiles_dir = $SOURCE/config/profiles
ca.passkey_origins = https://localhost:$2
ca.kmc_url = https://127.0.0.1:$9
ca.client_certificate_file = tls/signet-ca.pem
ca.client_key_file = tls/signet-ca.key

kmc.listen = 127.0.0.1:$9
kmc.certificate_file = tls/kmc.pem
kmc.key_file = tls/kmc.key
kmc.recovery_path = $PROGRAMS/signet-krec

ra.listen = 127.0.0.1:$2
ra.scan_path = $PROGRAMS/signet-scan
ra.business_dir = $SOURCE/config/business
ra.centre = 示范市样例路1号数字证书服务中心 收件人：示范 电话：000-00000000
ra.hotline = 000-00000000
ra.certificate_file = tls/ra.pem
ra.key_file = tls/ra.key
ra.ca_url = https://127.0.0.1:$1
ra.web_dir = $SOURCE/ra/web
ra.public_url = https://localhost:$2
ra.client_certificate_file = tls/signet-ra.pem
ra.client_key_file = tls/signet-ra.key

ocsp.listen = 127.0.0.1:$3

ra.payment_url = http://127.0.0.1:$4
ra.payment_key_file = world/payment-ra.key
ra.payment_provider_key_file = world/payment-provider.pub
ra.sms_url = http://127.0.0.1:$5
ra.sms_key_file = world/sms.key
ra.platform_webhook_url = http://127.0.0.1:$6/news
ra.platform_webhook_key_file = world/webhook.key
ra.smtp_url = smtp://127.0.0.1:$7
ra.smtp_from = signet@example.com
ra.courier_key_file = world/courier.key

cli.ca_url = https://127.0.0.1:$1
cli.kmc_url = https://127.0.0.1:$9
cli.ra_url = https://127.0.0.1:$2
cli.certificate_file = tls/signet-admin.pem
cli.key_file = tls/signet-admin.key
cli.auditor_certificate_file = tls/signet-auditor.pem
cli.auditor_key_file = tls/signet-auditor.key
CONF
    CA_PORT=$1 RA_PORT=$2 OCSP_PORT=$3 WORLD_PORT=$8 KMC_PORT=$9
}

# In place of payment provider, SMS gateway, mail server, courier and host
# platform stands a simulator (tests/sim/world.py); its keys are made at once.
make_world() {
    as_owner tee "$STATE/world/start" >/dev/null <<CONF
#!/bin/sh
exec /usr/bin/python3 '$SOURCE/tests/sim/world.py' '$STATE/world' --ports $2 --ra https://127.0.0.1:$1 --trust '$STATE/public/bundle.pem'
CONF
    as_owner chmod 700 "$STATE/world/start"
    as_owner /usr/bin/python3 "$SOURCE/tests/sim/world.py" "$STATE/world" --make-files
}

# A few cases in different states for a newcomer to try, marked as samples.
make_samples() {
    (
        exec </dev/null >"$STATE/log/samples.log" 2>&1
        setsid /usr/bin/python3 "$SOURCE/tests/sim/story.py" "$STATE" samples
    ) &
}

# A one-time address, as the host platform would send the account to.
launch_portal() {
    need_state
    # shellcheck disable=SC1091
    . "$STATE/env"
    [ -n "${1:-}" ] || stop_with 'portal wants the name of an account, such as sample-902'
    curl -fsS --cacert "$SIGNET_CA_BUNDLE" --cert "$STATE/tls/signet-platform.pem" --key "$STATE/tls/signet-platform.key" \
        -H 'Content-Type: application/json' -d "{\"account\": \"$1\"}" "$SIGNET_RA_URL/v1/platform/sessions" |
        sed -n 's/.*"url":"\([^"]*\)".*/\1/p'
}

make_authority() {
    as_owner cp "$SOURCE/config/ceremony/demonstration.xml" "$STATE/ceremony.xml"
    as_owner "$PROGRAMS/signet" --config "$STATE/signet.conf" ceremony run "$STATE/ceremony.xml" --out "$STATE" \
        >"$STATE/log/ceremony.log" 2>&1 || {
        tail -5 "$STATE/log/ceremony.log" >&2
        stop_with "the key ceremony failed; see $STATE/log/ceremony.log"
    }
}

# Three of five operators open the recovery token. People are known by their
# personnel numbers, as in the ceremony.
make_key_management() {
    set --
    for number in 1 2 3 4 5; do
        set -- "$@" --operator "P-001$number=$STATE/officers/kmc-$number/cert.pem"
    done
    as_owner "$PROGRAMS/signet" --config "$STATE/signet.conf" kmc init --needed 3 "$@" \
        --ca "signet-ca=$STATE/tls/signet-ca.pem" \
        --ra-officer "P-0004=$STATE/officers/first/cert.pem" --ra-officer "P-0005=$STATE/officers/second/cert.pem" \
        --audit-administrator "P-0016=$STATE/officers/audit-admin/cert.pem" >"$STATE/log/kmc-init.log" 2>&1 || {
        tail -5 "$STATE/log/kmc-init.log" >&2
        stop_with "the key management centre did not begin; see $STATE/log/kmc-init.log"
    }
}

write_env() {
    as_owner tee "$STATE/env" >/dev/null <<CONF
SIGNET='$SOURCE/signet'
SIGNET_STATE='$STATE'
SIGNET_RA_URL='https://127.0.0.1:$RA_PORT'
SIGNET_PAGES_URL='https://localhost:$RA_PORT'
SIGNET_CA_URL='https://127.0.0.1:$CA_PORT'
SIGNET_KMC_URL='https://127.0.0.1:$KMC_PORT'
SIGNET_OCSP_URL='http://127.0.0.1:$OCSP_PORT/ocsp'
SIGNET_CRL_URL='http://127.0.0.1:$OCSP_PORT/crl/issuing-1.crl'
SIGNET_CA_BUNDLE='$STATE/public/bundle.pem'
SIGNET_ISSUER='$STATE/public/issuing.pem'
SIGNET_ROOT='$STATE/public/root.pem'
SIGNET_WORLD_URL='http://127.0.0.1:$WORLD_PORT'
SIGNET_PG='host=$STATE/run dbname=signet user=signet_owner'
CONF
}

print_welcome() {
    # shellcheck disable=SC1091
    . "$STATE/env"
    cat <<TEXT

Signet runs. Its state is in $STATE

  applicants' portal      $SIGNET_PAGES_URL/portal/
  officers' console       $SIGNET_PAGES_URL/console/
  registration authority  $SIGNET_RA_URL (API)
  OCSP                    $SIGNET_OCSP_URL
  CRL                     $SIGNET_CRL_URL
  trust                   $SIGNET_ROOT

Officers of the demonstration, each with certificate and key:
$(for officer in "$STATE"/officers/*; do echo "  $officer"; done)

To log in, let your browser trust $SIGNET_ROOT, then
  ./signet portal sample-902      a one-time address of the portal; sample-901 to 908 are
                                  sample cases in different states (filed in a minute)
  ./signet officer invite 张三 --person P-0101 --roles first-reviewer --officer $STATE/officers/admin-a
                                  an address to make a passkey for the console; then
  ./signet officer approve CASE --officer $STATE/officers/admin-a, and so admin-b

  ./signet demo            the whole story, step by step
  ./signet status          how the services are
  ./signet help            all verbs
TEXT
}

launch_sample() {
    out=
    case ${1:-} in --out) out=${2:-} ;; --out=*) out=${1#--out=} ;; esac
    [ -n "$out" ] || stop_with 'sample wants --out FOLDER'
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    if [ "$(id -u)" = 0 ]; then
        let_owner_reach "$out"
        chown "$OWNER:$OWNER" "$out"
    fi
    program_as_owner sample --out "$out"
}
