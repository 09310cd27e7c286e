#!/bin/sh
# An application becomes a certificate by three people's decisions, and by nothing less.
set -eu
. "$(dirname "$0")/lib.sh"
need_state

ra() { # PATH CURL-OPTION...: the status; the body is in $WORK/body
    path=$1
    shift
    curl -sS --cacert "$SIGNET_CA_BUNDLE" -o "$WORK/body" -D "$WORK/head" -w '%{http_code}' "$@" "$SIGNET_RA_URL$path"
}
officer() { printf '%s' "$STATE/officers/$1"; }
state_is() { signet application show "$number" --token-file "$WORK/token" --json | jq -r .state; }

account=e2e-$(date +%s)-$$
signet account create "$account" --officer "$(officer admin-a)" --token-file "$WORK/token"
want 'a token is for its owner alone' 600 "$(stat -c %a "$WORK/token")"

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/key.pem" 2>/dev/null
openssl req -new -key "$WORK/key.pem" -subj '/CN=ignored' -out "$WORK/csr.pem"
cat >"$WORK/record.json" <<'JSON'
{"unit_name": "端到端测试有限公司", "uscc": "91350100M000100Y43", "kind": "company",
 "domicile": {"country": "CN", "province": "福建省", "locality": "福州市", "street": "五四路 1 号"},
 "handler": {"name": "郑经办", "person": "H-0200", "mobile": "13800000002"}}
JSON
# One live certificate for a subject: every run applies for a unit of its own.
sed -i "s/端到端测试有限公司/端到端测试有限公司 $account/" "$WORK/record.json"

number=$(signet application new --token-file "$WORK/token" --record "$WORK/record.json" --csr "$WORK/csr.pem" --years 2)
want 'a new application is a draft' draft "$(state_is)"
signet review enter "$number" --officer "$(officer clerk)" >/dev/null 2>&1 && fail 'a draft was entered'
signet application submit "$number" --token-file "$WORK/token" >/dev/null
want 'it is handed in' submitted "$(state_is)"

# --- who may do what
signet review approve "$number" --step first-review --officer "$(officer first)" >/dev/null 2>&1 && fail 'reviewed before it was entered'
signet review enter "$number" --officer "$(officer first)" >/dev/null 2>&1 && fail 'entered by a reviewer'
signet review return "$number" --step entry --officer "$(officer clerk)" --remark '住所与执照不一致' >/dev/null
want 'the clerk returns it' returned "$(state_is)"
signet application show "$number" --token-file "$WORK/token" | grep -q '住所与执照不一致' || fail 'the applicant does not see why'
signet application submit "$number" --token-file "$WORK/token" >/dev/null
signet review enter "$number" --officer "$(officer clerk)" >"$WORK/shown"
grep -q '端到端测试有限公司' "$WORK/shown" || fail 'the officer does not see what is signed'
want 'the clerk enters it' entered "$(state_is)"
signet review approve "$number" --step second-review --officer "$(officer second)" >/dev/null 2>&1 && fail 'second review before the first'
signet review approve "$number" --step first-review --officer "$(officer clerk)" >/dev/null 2>&1 && fail 'who entered it reviews it'
signet review approve "$number" --step first-review --officer "$(officer first)" >/dev/null
signet review approve "$number" --step second-review --officer "$(officer first)" >/dev/null 2>&1 && fail 'one reviewer in both steps'
want 'nothing is issued by two' first-passed "$(state_is)"
signet application certificate "$number" --token-file "$WORK/token" --out "$WORK/none.pem" 2>/dev/null && fail 'a certificate before its time'
signet review approve "$number" --step second-review --officer "$(officer second)" >/dev/null
want 'three decisions issue' issued "$(state_is)"

# --- the certificate, judged by openssl
signet application certificate "$number" --token-file "$WORK/token" --out "$WORK/chain.pem"
openssl x509 -in "$WORK/chain.pem" -out "$WORK/leaf.pem"
openssl verify -CAfile "$SIGNET_ROOT" -untrusted "$WORK/chain.pem" "$WORK/leaf.pem" >/dev/null || fail 'openssl verify'
want 'the certificate is for the key of the request' "$(openssl pkey -in "$WORK/key.pem" -pubout)" "$(openssl x509 -in "$WORK/leaf.pem" -noout -pubkey)"
openssl x509 -in "$WORK/leaf.pem" -noout -subject -nameopt utf8,sep_comma_plus | grep -q "端到端测试有限公司 $account" || fail 'subject'
openssl x509 -in "$WORK/leaf.pem" -noout -subject -nameopt utf8,sep_comma_plus | grep -q ignored && fail 'the subject is the request'\''s'

# --- the log tells it all
entries() { psql -At "$SIGNET_PG" -c "SELECT event FROM log.entry WHERE subject = '$number' ORDER BY index"; }
want 'the log tells every step in order' \
    'application.created application.submitted application.returned application.submitted application.entered application.reviewed application.approved application.issued' \
    "$(entries | tr '\n' ' ' | sed 's/ $//')"

# --- a second application while the certificate lives
second=$(signet application new --token-file "$WORK/token" --record "$WORK/record.json" --csr "$WORK/csr.pem")
signet application submit "$second" --token-file "$WORK/token" >/dev/null
signet review enter "$second" --officer "$(officer clerk)" >"$WORK/out" 2>&1 && fail 'a second live certificate for an account'
grep -q 'live certificate' "$WORK/out" || fail "another reason: $(cat "$WORK/out")"
signet application withdraw "$second" --token-file "$WORK/token" >/dev/null

# --- strangers
token=$(cat "$WORK/token")
bad=signet_$(printf '%064d' 0)
want 'no token' 401 "$(ra "/v1/applications/$number")"
cp "$WORK/body" "$WORK/without"
want 'an unknown token' 401 "$(ra "/v1/applications/$number" -H "Authorization: Bearer $bad")"
want 'unknown tokens learn nothing' "$(jq -c 'del(.request_id)' "$WORK/without")" "$(jq -c 'del(.request_id)' "$WORK/body")"
grep -qi '^www-authenticate: bearer' "$WORK/head" || fail 'no WWW-Authenticate'
want 'a token shortened' 401 "$(ra "/v1/applications/$number" -H "Authorization: Bearer ${token%?}")"
want 'its own token' 200 "$(ra "/v1/applications/$number" -H "Authorization: Bearer $token")"
signet account create "$account-b" --officer "$(officer admin-a)" --token-file "$WORK/token-b"
want 'another account sees nothing' 404 "$(ra "/v1/applications/$number" -H "Authorization: Bearer $(cat "$WORK/token-b")")"
want 'a number that does not exist' 404 "$(ra "/v1/applications/N20000101-000001" -H "Authorization: Bearer $token")"
want 'a service is no officer' 403 "$(ra /v1/accounts --cert "$STATE/tls/signet-admin.pem" --key "$STATE/tls/signet-admin.key")"
want 'an officer without the role opens no account' 403 \
    "$(ra /v1/accounts --cert "$(officer clerk)/cert.pem" --key "$(officer clerk)/key.pem" -H 'Content-Type: application/json' -d '{"account": "nobody"}')"

# --- bad input
json() { ra /v1/applications -H "Authorization: Bearer $token" -H 'Content-Type: application/json' --data-binary "$1"; }
good=$(jq -c --rawfile csr "$WORK/csr.pem" '{applicant: ., years: 1, csr: $csr}' "$WORK/record.json")
want 'no JSON' 400 "$(json 'x')"
grep -qi '^content-type: application/problem+json' "$WORK/head" || fail 'no problem document'
jq -e .request_id "$WORK/body" >/dev/null || fail 'no request id'
want 'JSON with something behind it' 400 "$(json "$good x")"
want 'a doubled member' 400 "$(json "$(printf '%s' "$good" | sed 's/"years":1/"years":1,"years":2/')")"
want 'an unknown member' 400 "$(json "$(printf '%s' "$good" | jq -c '.extra = 1')")"
want 'deep JSON' 400 "$(json "{\"a\":$(printf '%0500d' 0 | tr 0 '[')")"
want 'a wrong social credit code' 400 "$(json "$(printf '%s' "$good" | jq -c '.applicant.uscc = "91350100M000100Y44"')")"
want 'six years' 400 "$(json "$(printf '%s' "$good" | jq -c '.years = 6')")"
want 'a request cut short' 400 "$(json "$(printf '%s' "$good" | jq -c '.csr = .csr[0:200]')")"
openssl req -in "$WORK/csr.pem" -outform DER -out "$WORK/csr.der"
want 'a request with something behind it' 400 "$(json "$(printf '%s' "$good" | jq -c --arg csr "$({ cat "$WORK/csr.der"; printf x; } | base64 -w0)" '.csr = $csr')")"
case $(tail -c 1 "$WORK/csr.der") in x) other=y ;; *) other=x ;; esac
want 'a request whose signature is not its key'\''s' 400 "$(json "$(printf '%s' "$good" | jq -c --arg csr "$({ head -c -1 "$WORK/csr.der"; printf %s "$other"; } | base64 -w0)" '.csr = $csr')")"
head -c 2000000 /dev/zero | tr '\0' ' ' >"$WORK/huge"
want 'a body over the limit' 413 "$(ra /v1/applications -H "Authorization: Bearer $token" -H 'Content-Type: application/json' --data-binary "@$WORK/huge")"
want 'the service is well after all of it' 200 "$(ra /health)"
