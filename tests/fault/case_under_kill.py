"""
Kills signet-ra while a case goes from its notice to a certificate:
case_under_kill.py STATE WORK
"""
import hashlib
import os
import sys

from killing import Killer, again, brought, pid_of, play
from judge import Sql, check, fail

KILLS = int(os.environ.get("KILLS", "20"))
state, work = sys.argv[1:3]
office = play.Office(state, os.path.join(work, "devices"))
sql = Sql(office)
killer = Killer(state, KILLS)


def is_in(applicant, number, *states):
    return lambda: applicant.case(number)["state"] in states


def upload_all(applicant, number):
    """Every slot; what is told to be there is remembered by its digest."""
    sent = {}
    for slot in again(applicant.case, number)["slots"]:
        if not slot["is_wanted"]:
            continue
        name = slot["slot"]
        data = play.paper(f"{number}{name}", width=620, height=877)
        if slot.get("form"):
            data = again(applicant.get, f"/v1/cases/{number}/forms/{slot['form']}")
        again(applicant.upload, number, name, data, f"{name}.bin")
        sent[name] = hashlib.sha256(data).hexdigest()
    return sent


def make(number, serial):
    maker = office.who("maker")
    key = office.device(serial)
    key.blank(serial)
    held = f"/v1/cases/{number}/device"

    def has(member, *values):
        def ask():
            try:
                return maker.get(held)[member] in values
            except play.Refused as error:
                if error.status == 404:
                    return False
                raise
        return ask

    again(maker.post, "/v1/devices", {"batch": "kill", "model": "SIM-KEY", "serials": [serial]})
    brought(has("serial", serial), maker.post, held, {"serial": serial})
    made = again(key.personalise, number, maker)
    brought(has("is_signed", True), maker.decide, number, "making", device=made)
    brought(lambda: maker.get(f"/v1/cases/{number}")["shipments"], maker.post, f"/v1/cases/{number}/shipments",
            {"direction": "out", "carrier": "SF", "tracking": f"SF{serial}"})
    parcels = again(maker.get, f"/v1/cases/{number}")["shipments"]
    check(len(parcels) == 1, f"{number}: one parcel")
    again(maker.post, f"/v1/shipments/{parcels[0]['id']}/delivered")
    return key


def receive(applicant, number):
    clerk = office.who("clerk")
    slots = [p["slot"] for p in again(clerk.post, "/v1/intake", {"code": number})["papers"]]
    again(clerk.post, f"/v1/cases/{number}/papers", {"received": slots})
    brought(is_in(applicant, number, "second-review"), clerk.decide, number, "entry")


def from_notice_to_certificate(unit):
    account = f"killed-{unit}"
    again(office.unit, account, unit)
    applicant = again(play.Applicant, office, account)
    fields = office.fields("new", unit, seal="no", seals="[]")
    brought(lambda: applicant.get("/v1/cases")["cases"], applicant.file, "new", fields)
    cases = again(applicant.get, "/v1/cases")["cases"]
    check(len(cases) == 1, f"unit {unit}: one case, {cases[0]['number']}")
    number = cases[0]["number"]
    brought(is_in(applicant, number, "form-ready"), applicant.submit, number)
    sent = upload_all(applicant, number)
    brought(is_in(applicant, number, "awaiting-payment"), applicant.hand_in, number)
    order = again(office.open_payment, applicant, number)["pay_url"].rstrip("/").rsplit("/", 1)[1].split("?")[0]
    office.world.call("POST", f"/orders/{order}/pay", {})

    def is_paid():  # the click "paid" asks, whatever became of the provider's notice
        applicant.get(f"/v1/cases/{number}/payment")
        return is_in(applicant, number, "first-review")()

    brought(is_paid, lambda: None)
    first, second = office.who("first"), office.who("second")
    brought(is_in(applicant, number, "awaiting-originals"), first.decide, number, "first-review")
    key = make(number, f"KILL-{unit}")
    receive(applicant, number)
    brought(is_in(applicant, number, "activation-allowed"), second.decide, number, "second-review")
    code = office.world.code_for(play.mobile(unit), r"激活码：([A-Z0-9]{12})", about=number, wait_s=90)
    brought(is_in(applicant, number, "activated"), key.activate, code, "Sesame-2026")
    whole(applicant, account, number, sent)


def whole(applicant, account, number, sent):
    for slot, digest in sent.items():
        came = again(applicant.get, f"/v1/cases/{number}/documents/{slot}")
        if hashlib.sha256(came).hexdigest() != digest:
            fail(f"{number}: {slot} is not what was uploaded")
    check(True, f"{number}: {len(sent)} documents as they were uploaded")
    payment = again(applicant.get, f"/v1/cases/{number}/payment")
    check((payment["received"], payment["refunded"]) == (payment["amount"], 0), "paid once")
    check(sql(f"SELECT count(*) FROM ra.payment_event e JOIN ra.payment p ON p.id = e.payment WHERE p.number = '{number}'"
              " AND e.kind = 'received'") == "1", "one payment counted")
    check(sql(f"SELECT count(*) FROM ca.certificate WHERE account = '{account}' AND state <> 'void'") == "2", "one pair")
    check(sql(f"SELECT string_agg(step, ' ' ORDER BY step) FROM ra.case_decision WHERE number = '{number}'")
          == "entry first-review making second-review", "each decision once")


killer.start()
unit = 80001
while killer.left or unit == 80001:
    from_notice_to_certificate(unit)
    unit += 1
check(pid_of(state, "signet-ra") is not None and killer.done == KILLS, f"{killer.done} kills, {unit - 80001} cases")
sql.histories_are_chains()
