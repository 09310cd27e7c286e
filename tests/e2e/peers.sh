#!/bin/sh
# signet-ca's internal API is for services: certificates that this CA issued as such, and that are valid.
# A name is not enough, because applicants choose names too.
set -eu
. "$(dirname "$0")/lib-orders.sh"
need_state

# asked NAME: the status that the holder of $WORK/NAME.pem gets.
asked() {
    curl -sS -o "$WORK/body" -w '%{http_code}' --cacert "$SIGNET_CA_BUNDLE" --cert "$WORK/$1.pem" --key "$WORK/$1.key" "$SIGNET_CA_URL/v1/officers"
}
is_refused() { [ "$(asked "$1")" = 403 ]; }

# --- an organisation that is called like the administrator
new_order issue impostor ec-p256 '.subject.common_name = "signet-admin"' | approve | submit >"$WORK/impostor"
pem_of "$WORK/impostor" >"$WORK/impostor.pem"
want 'an organisation called signet-admin administers nothing' 403 "$(asked impostor)"
want 'it is told why' 'the client certificate is no valid one of a service' "$(jq -r .detail "$WORK/body")"

# --- an officer
cp "$STATE/officers/admin-a/cert.pem" "$WORK/officer.pem"
cp "$STATE/officers/admin-a/key.pem" "$WORK/officer.key"
want 'an officer is no service' 403 "$(asked officer)"

# --- one more administrator, and its end
new_order issue service ec-p256 '.profile = "tls-client" | .subject = {common_name: "signet-admin", organizational_unit: .order_id} | del(.organization_code)' |
    approve | submit >"$WORK/service"
pem_of "$WORK/service" >"$WORK/service.pem"
want 'a certificate for a service is one' 200 "$(asked service)"
new_revocation revoke "$(serial_of "$WORK/service")" cessationOfOperation | approve | submit >"$WORK/revoked"
poll 2 is_refused service || fail 'a revoked certificate still opens the API'
echo 'ok a revoked certificate opens nothing'
want 'the others are as they were' 200 "$(curl_ca -o /dev/null -w '%{http_code}' "$SIGNET_CA_URL/v1/officers")"
