#!/bin/sh
# Who is nobody learns nothing, who is somebody sees his own, and bad input gets a
# problem document; the service is well after all of it.
set -eu
. "$(dirname "$0")/lib.sh"
need_state

ra() { # PATH CURL-OPTION...: the status; the body is in $WORK/body
    path=$1
    shift
    curl -sS --cacert "$SIGNET_CA_BUNDLE" -o "$WORK/body" -D "$WORK/head" -w '%{http_code}' "$@" "$SIGNET_RA_URL$path"
}
officer() { printf '%s' "$STATE/officers/$1"; }
as_officer() { # NAME PATH CURL-OPTION...
    name=$1 where=$2
    shift 2
    ra "$where" --cert "$(officer "$name")/cert.pem" --key "$(officer "$name")/key.pem" "$@"
}
as_platform() { # PATH CURL-OPTION...
    where=$1
    shift
    ra "$where" --cert "$STATE/tls/signet-platform.pem" --key "$STATE/tls/signet-platform.key" "$@"
}

account=e2e-$(date +%s)-$$
for name in "$account" "$account-b"; do
    signet account create "$name" --officer "$(officer admin-a)" --token-file "$WORK/$name"
    want "the platform knows the record of $name" 201 "$(as_platform "/v1/platform/accounts/$name" -X PUT -H 'Content-Type: application/json' \
        -d "{\"unit_name\": \"端到端测试有限公司 $name\", \"uscc\": \"91350100M000100Y43\", \"kind\": \"company\", \"country\": \"CN\", \"province\": \"福建省\", \"locality\": \"福州市\", \"street\": \"五四路 1 号\"}")"
done
want 'a token is for its owner alone' 600 "$(stat -c %a "$WORK/$account")"
token=$(cat "$WORK/$account")
bearer="Authorization: Bearer $token"
want 'the businesses that are open' new "$(ra /v1/businesses -H "$bearer" >/dev/null && jq -r '[.businesses[] | select(.is_open) | .business] | join(" ")' "$WORK/body")"
notice=$(jq -r '.businesses[] | select(.business == "new") | .notice.version' "$WORK/body")
fields='{"years": "1", "seal": "no", "handler_name": "郑经办", "handler_id_type": "passport", "handler_id_number": "E12345678", "handler_mobile": "13800000002"}'
good="{\"business\": \"new\", \"notice_version\": \"$notice\", \"fields\": $fields}"
json() { ra /v1/cases -H "$bearer" -H 'Content-Type: application/json' --data-binary "$1"; }

# --- bad input
want 'no JSON' 400 "$(json 'x')"
grep -qi '^content-type: application/problem+json' "$WORK/head" || fail 'no problem document'
jq -e .request_id "$WORK/body" >/dev/null || fail 'no request id'
want 'JSON with something behind it' 400 "$(json "$good x")"
want 'a doubled member' 400 "$(json "$(printf '%s' "$good" | sed 's/"seal": "no"/"seal": "no", "seal": "yes"/')")"
want 'an unknown member' 400 "$(json "$(printf '%s' "$good" | jq -c '.extra = 1')")"
want 'an unknown field' 400 "$(json "$(printf '%s' "$good" | jq -c '.fields.extra = "1"')")"
want 'a field that is no text' 400 "$(json "$(printf '%s' "$good" | jq -c '.fields.years = 1')")"
want 'deep JSON' 400 "$(json "{\"a\":$(printf '%0500d' 0 | tr 0 '[')")"
want 'six years' 400 "$(json "$(printf '%s' "$good" | jq -c '.fields.years = "6"')")"
want 'a name that does not show' 400 "$(json "$(printf '%s' "$good" | jq -c '.fields.handler_name = "郑\u202e经办"')")"
want 'a business that there is not' 400 "$(json "$(printf '%s' "$good" | jq -c '.business = "gift"')")"
want 'the notice of yesterday' 409 "$(json "$(printf '%s' "$good" | jq -c '.notice_version = "2001-01-01"')")"
head -c 2000000 /dev/zero | tr '\0' ' ' >"$WORK/huge"
want 'a body over the limit' 413 "$(ra /v1/cases -H "$bearer" -H 'Content-Type: application/json' --data-binary "@$WORK/huge")"

# --- strangers
want 'a case is filed' 201 "$(json "$good")"
number=$(jq -r .number "$WORK/body")
bad=signet_$(printf '%064d' 0)
want 'no token' 401 "$(ra "/v1/cases/$number")"
cp "$WORK/body" "$WORK/without"
want 'an unknown token' 401 "$(ra "/v1/cases/$number" -H "Authorization: Bearer $bad")"
want 'unknown tokens learn nothing' "$(jq -c 'del(.request_id)' "$WORK/without")" "$(jq -c 'del(.request_id)' "$WORK/body")"
grep -qi '^www-authenticate: bearer' "$WORK/head" || fail 'no WWW-Authenticate'
want 'a token shortened' 401 "$(ra "/v1/cases/$number" -H "Authorization: Bearer ${token%?}")"
want 'its own token' 200 "$(ra "/v1/cases/$number" -H "$bearer")"
for path in '' /timeline /certificate /payment /invoice /forms/certificate /documents/handler-id /documents/handler-id/pages/1; do
    want "another account sees nothing at $path" 404 "$(ra "/v1/cases/$number$path" -H "Authorization: Bearer $(cat "$WORK/$account-b")")"
    jq -c 'del(.request_id)' "$WORK/body" >"$WORK/foreign"
    want "nor does one that does not exist at $path" 404 "$(ra "/v1/cases/N20000101-000001$path" -H "$bearer")"
    want "and the two are told alike at $path" "$(cat "$WORK/foreign")" "$(jq -c 'del(.request_id)' "$WORK/body")"
done
want 'an applicant has no queue' 403 "$(ra /v1/queue -H "$bearer")"
want 'nor reviews' 403 "$(ra "/v1/cases/$number/review" -H "$bearer")"
want 'nor is the platform' 403 "$(ra /v1/platform/sessions -H "$bearer" -H 'Content-Type: application/json' -d "{\"account\": \"$account-b\"}")"
want 'a service is no officer' 403 "$(ra /v1/accounts --cert "$STATE/tls/signet-admin.pem" --key "$STATE/tls/signet-admin.key")"
want 'the platform is no officer' 403 "$(as_platform /v1/queue)"
want 'an officer without the role opens no account' 403 "$(as_officer clerk /v1/accounts -H 'Content-Type: application/json' -d '{"account": "nobody"}')"
want 'and confirms no payment' 403 "$(as_officer clerk "/v1/cases/$number/transfers" -H 'Content-Type: application/json' -d '{"amount": 20000, "reference": "X1"}')"
want 'the service is well after all of it' 200 "$(ra /health)"
