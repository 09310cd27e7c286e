#!/bin/sh
# Nobody can issue alone: every way round the two reviews is refused, and the refusal is in
# the log. Orders are built and signed here without our code.
set -eu
. "$(dirname "$0")/lib-orders.sh"
need_state

new_order issue honest ec-p256 >"$WORK/order"
order=$(cat "$WORK/order")
first=$(decision "$order" first-review first)
second=$(decision "$order" second-review second)

envelope "$order" | jq -c '.decisions = []' | refused 403 'no decision at all'
envelope "$order" "$first" | refused 403 'one officer alone'
envelope "$order" "$first" "$first" | refused 403 'the same decision twice'
envelope "$order" "$first" "$(decision "$order" second-review first)" | refused 403 'the same person in both steps'
envelope "$order" "$(decision "$order" first-review second)" "$second" | refused 403 'an officer without the role'
envelope "$order" "$first" "$(decision "$order" second-review second "$(printf x | sha256sum | cut -d' ' -f1)")" |
    refused 403 'a decision over another digest'
envelope "$(printf '%s' "$order" | jq -c '.validity.years = 5')" "$first" "$second" | refused 403 'an order changed after the reviews'
envelope "$order" "$first" "$(printf '%s' "$second" | jq -c '.decided_at = "2026-01-01T00:00:00Z"')" | refused 403 'a decision with another date than was signed'
envelope "$order" "$first" "$(decision "$order" second-review second '' 2020-01-01T00:00:00Z)" | refused 403 'a decision from years ago'
envelope "$order" "$first" "$(decision "$order" second-review second '' 2099-01-01T00:00:00Z)" | refused 403 'a decision from the future'
other=$(new_order issue other ec-p256)
envelope "$other" "$first" "$second" | refused 403 'decisions taken from another order'
envelope "$order" "$first" "$second" "$(decision "$order" entry first)" | refused 403 'who entered it reviews it'

# An officer as applicant: the order names the reviewer's own personnel number.
person=$(signet officer list --json | jq -r --arg id "$(cat "$STATE/officers/second/officer_id")" '.officers[] | select(.officer_id == $id).person')
order=$(new_order issue self ec-p256 ".applicant.person = \"$person\"")
envelope "$order" "$(decision "$order" first-review first)" "$(decision "$order" second-review second)" | refused 403 'an officer approves an application of their own'

# A stranger's credential: a certificate that the CA issued, but of no officer.
new_order issue stranger ec-p256 | approve | submit >"$WORK/stranger.json"
mkdir -p "$WORK/stranger"
stranger=$WORK/stranger
pem_of "$WORK/stranger.json" >"$stranger/cert.pem"
cp "$WORK/stranger.key" "$stranger/key.pem"
cp "$STATE/officers/second/officer_id" "$stranger/officer_id"
order=$(new_order issue thief ec-p256)
first=$(decision "$order" first-review first)
forged=$(STATE=$WORK; mkdir -p "$WORK/officers"; rm -rf "$WORK/officers/stranger"; cp -r "$stranger" "$WORK/officers/stranger"; decision "$order" second-review stranger)
envelope "$order" "$first" "$forged" | refused 403 'a certificate that is no officer'\''s credential'

# A second credential of the same person does not make two people; a dismissed officer is none.
unique=$(new_id | cut -c1-8)
enroll() { # NAME PERSON ROLES(json) -> $WORK/officers/NAME
    mkdir -p "$WORK/officers/$1"
    new_order issue "officer-$1" ec-p256 ".profile = \"officer\" | del(.organization_code) | .subject = {country: \"CN\", organization: \"Signet\", common_name: \"$1\", serial_number: \"$1-$unique\"}" |
        approve | submit >"$WORK/officer.json"
    pem_of "$WORK/officer.json" >"$WORK/officers/$1/cert.pem"
    cp "$WORK/officer-$1.key" "$WORK/officers/$1/key.pem"
    new_id >"$WORK/officers/$1/officer_id"
    jq -cn --arg id "$(new_id)" --arg now "$(now)" --arg officer "$(cat "$WORK/officers/$1/officer_id")" --arg name "$1" --arg person "$2" \
        --argjson roles "$3" --arg der "$(openssl x509 -in "$WORK/officers/$1/cert.pem" -outform DER | base64 -w0)" \
        '{order_id: $id, kind: "enroll-officer", created_at: $now,
          officer: {officer_id: $officer, name: $name, person: $person, roles: $roles, credential: {kind: "x509", certificate: $der}}}'
}
by() { (STATE=$WORK; decision "$@"); } # a decision by an officer of $WORK/officers

person_of_first=$(signet officer list --json | jq -r --arg id "$(cat "$STATE/officers/first/officer_id")" '.officers[] | select(.officer_id == $id).person')
enroll twin "$person_of_first" '["second-reviewer"]' | administer | refused 409 'a person is enrolled twice'
order=$(enroll temp "P-$unique" '["second-reviewer"]')
envelope "$order" "$(decision "$order" administration admin-a)" | refused 403 'one administrator enrols an officer'
printf '%s' "$order" | administer | submit >/dev/null
echo 'ok two administrators enrol an officer'
order=$(new_order issue by-temp ec-p256)
envelope "$order" "$(decision "$order" first-review first)" "$(by "$order" second-review temp)" | submit >/dev/null
echo 'ok the new officer reviews'
jq -cn --arg id "$(new_id)" --arg now "$(now)" --arg officer "$(cat "$WORK/officers/temp/officer_id")" \
    '{order_id: $id, kind: "dismiss-officer", created_at: $now, officer_id: $officer}' | administer | submit >/dev/null
order=$(new_order issue after-dismissal ec-p256)
envelope "$order" "$(decision "$order" first-review first)" "$(by "$order" second-review temp)" | refused 403 'a dismissed officer reviews'

refusals=$(psql -qAtX -d "$SIGNET_PG" -c "SELECT count(*) FROM log.entry WHERE event = 'order.refused'")
[ "$refusals" -ge 14 ] || fail "only $refusals refusals are in the log"
echo "ok $refusals refusals are in the log"
