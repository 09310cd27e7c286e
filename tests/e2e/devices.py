"""
A device from stock to its holder on running services, and what strangers try:
usage: devices.py STATE WORK
"""
import hashlib
import hmac
import base64
import json
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sim"))
import device  # noqa: E402
import documented  # noqa: E402
import play  # noqa: E402
from judge import check, fail, refused  # noqa: E402

state, work = sys.argv[1:3]
document = documented.Document(os.path.join(HERE, "..", "..", "docs", "openapi.yaml"))
document.watch(play.Line, play.Refused, only=("devices", "client"))
stage = play.Play(state)
world = stage.env["SIGNET_WORLD_URL"]
url, bundle = stage.env["SIGNET_RA_URL"], stage.env["SIGNET_CA_BUNDLE"]
run = secrets.randbelow(10 ** 8)


def ask(method, path, body=None):
    request = urllib.request.Request(world + path, method=method,
                                     data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        content = answer.read()
    return json.loads(content) if content else None


def message(to, pattern, after=0):
    """The last text message to this number that says so."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = [re.search(pattern, m["text"]) for m in ask("GET", "/sms") if m["to"] == to]
        found = [m for m in found if m]
        if len(found) > after:
            return found[-1].group(1)
        time.sleep(0.3)
    fail(f"no message to {to}: {pattern}")


def courier_key():
    with open(os.path.join(state, "world", "courier.key"), "rb") as file:
        return file.read().rstrip()


def courier(event_id, tracking, status, key=None, at=None, nonce=None):
    """A call as the courier signs it; with another key it is forged."""
    body = play.canonical({"event_id": event_id, "carrier": "SF", "tracking": tracking, "status": status,
                           "at": play.now()})
    moment, once = str(at or int(time.time())), nonce or secrets.token_hex(16)
    text = "\n".join(["signet-call-1", "POST", "/v1/callbacks/courier", moment, once,
                      hashlib.sha256(body).hexdigest()]) + "\n"
    signature = base64.b64encode(hmac.new(key or courier_key(), text.encode(), hashlib.sha256).digest()).decode()
    return play.Line(url, bundle).call("POST", "/v1/callbacks/courier", raw=body, headers={
        "Content-Type": "application/json", "Signet-Time": moment, "Signet-Nonce": once, "Signet-Signature": signature})


def new_device(name):
    one = device.Device(os.path.join(work, name), url, bundle)
    one.blank(f"E2E-{name.upper()}-{run:08d}")
    return one


# ---- A new certificate, as far as the first review --------------------------------

account = f"devices-{run:08d}"
mobile = f"139{run:08d}"
record = stage.unit(account, run % 900000000)
applicant = play.Applicant(stage, account)
fields = {"handler_name": "陈演示", "handler_id_type": "id-card", "handler_id_number": play.id_number(run),
          "handler_mobile": mobile, "handler_email": "handler@example.com", "years": "1", "seal": "no",
          "province": "广东省", "locality": "深圳市", "street": f"罗田路{run % 900000000}号",
          "delivery_recipient": "陈演示", "delivery_mobile": mobile, "delivery_address": "广东省深圳市罗田路1号"}
number = applicant.file("new", fields)
applicant.submit(number)
applicant.fill_slots(number)
applicant.hand_in(number)
amount = applicant.get(f"/v1/cases/{number}/payment")["amount"]
stage.officer("finance").post(f"/v1/cases/{number}/transfers", {"amount": amount, "reference": f"E2E{run}"})
maker, clerk = stage.officer("maker"), stage.officer("clerk")
mine, other = new_device("mine"), new_device("other")
maker.post("/v1/devices", {"batch": "e2e", "model": "simulated", "serials": [mine.serial, other.serial]})
refused(409, maker.post, f"/v1/cases/{number}/device", {"serial": mine.serial})
refused(403, clerk.post, f"/v1/cases/{number}/device", {"serial": mine.serial})
stage.officer("first").decide(number, "first-review")

# ---- Making ------------------------------------------------------------------------

maker.post(f"/v1/cases/{number}/device", {"serial": mine.serial})
mine.personalise(number, maker)
held = maker.get(f"/v1/cases/{number}/device")
check(held["state"] == "personalised" and not held["is_signed"], "a device is personalised for the case")
parcel = {"direction": "out", "carrier": "SF", "tracking": f"SF{run:010d}"}
refused(409, maker.post, f"/v1/cases/{number}/shipments", parcel)
maker.decide(number, "making", device={"serial": mine.serial, "spki_sha256": held["spki_sha256"]})
maker.post(f"/v1/cases/{number}/shipments", parcel)
refused(409, mine.personalise, number, maker)
check(maker.get(f"/v1/cases/{number}/device")["state"] == "shipped", "and goes out once its maker signed for it")

# ---- The courier -------------------------------------------------------------------

refused(403, courier, "e1", parcel["tracking"], "delivered", key=b"x" * 32)
refused(403, courier, "e1", parcel["tracking"], "delivered", at=int(time.time()) - 3600)
refused(404, courier, "e1", "SF9999999999", "delivered")
nonce = secrets.token_hex(16)
courier("e1", parcel["tracking"], "in-transit", nonce=nonce)
refused(409, courier, "e2", parcel["tracking"], "delivered", nonce=nonce)
check(maker.get(f"/v1/cases/{number}/device")["state"] == "shipped", "forged, old and replayed calls change nothing")
courier("e2", parcel["tracking"], "delivered")
courier("e2", parcel["tracking"], "delivered")
shipments = applicant.case(number)["shipments"]
check(shipments[0]["state"] == "delivered" and len(shipments[0]["events"]) == 2, "what is told twice counts once")

# ---- Papers ------------------------------------------------------------------------

found = clerk.post("/v1/intake", {"code": number})
slots = [paper["slot"] for paper in found["papers"]]
refused(400, clerk.post, "/v1/intake", {"code": "SIGNET1:nothing"})
refused(400, clerk.post, f"/v1/cases/{number}/papers", {"received": ["passport"]})
taken = clerk.post(f"/v1/cases/{number}/papers", {"received": slots[:-1], "defective": {slots[-1]: "no stamp"}})
check(taken["state"] == "awaiting-originals", "a defective paper is asked for again")
message(mobile, f"({number})")
clerk.post(f"/v1/cases/{number}/papers", {"received": slots})
clerk.decide(number, "entry")
stage.officer("second").decide(number, "second-review")

# ---- Activation --------------------------------------------------------------------

code = message(mobile, "激活码：([A-Z0-9]{12})")
other.make_key("device.key")
other_serial = other.serial
refused(403, other.activate, code, "Passw0rd!")
refused(403, mine.activate, ("3" if code[0] == "2" else "2") + code[1:], "Passw0rd!")
done = mine.activate(code, "Passw0rd!")
check(done["state"] == "done", "the device with its code gets its certificate")
subprocess.run(["openssl", "verify", "-CAfile", stage.env["SIGNET_ROOT"], "-untrusted", stage.env["SIGNET_ISSUER"],
                mine.path("cert.pem")], check=True, stdout=subprocess.DEVNULL)
check(applicant.case(number)["state"] == "activated", "and openssl verifies it")

# ---- A forgotten PIN -----------------------------------------------------------------

for _ in range(device.TRIES_MAX):
    mine.check_pin("wrong")
check(mine.is_locked() and not mine.check_pin("Passw0rd!"), "ten wrong PINs lock the device")
who = {name: fields[name] for name in fields if name.startswith("handler_")}
unlock = applicant.call("POST", "/v1/cases", {"business": "unlock", "fields": who})["number"]
check(applicant.submit(unlock) == "approved", "the handler of record needs no documents")
other.write("serial", mine.read("serial"))  # another device that claims to be this one
refused(403, other.ask_code, unlock)
mine.ask_code(unlock)
refused(409, mine.ask_code, unlock)
code = message(mobile, "验证码([0-9]{6})")
refused(403, mine.unlock, unlock, "%06d" % ((int(code) + 1) % 10 ** 6), "N3w-Passw0rd")
check(mine.unlock(unlock, code, "N3w-Passw0rd")["state"] == "done", "a one-time password sets a new PIN")
check(mine.check_pin("N3w-Passw0rd") and not mine.is_locked(), "and the device works again")

# A second one, pulled out before it was through: both PINs stay good for the third.
admin = mine.pins()["admin"]
unlock = applicant.call("POST", "/v1/cases", {"business": "unlock", "fields": who})["number"]
applicant.submit(unlock)
mine.ask_code(unlock)
line = f"/v1/client/unlocks/{unlock}"
mine.line.post(f"{line}/verification", mine.call("verify", unlock, "device.key",
                                                 code=message(mobile, "验证码([0-9]{6})", after=1)))
first = mine.line.post(f"{line}/administrator-pin", mine.call("administrator-pin", unlock, "device.key"))
again = mine.line.post(f"{line}/administrator-pin", mine.call("administrator-pin", unlock, "device.key"))
check(first == again and first["admin_pin"] == admin != first["next_admin_pin"], "the PINs are the same until acknowledged")
check(mine.line.post(f"{line}/failed", mine.call("failed", unlock, "device.key", reason="pulled out"))["state"] == "failed",
      "an unlocking that failed is at its end")
refused(409, mine.line.post, f"{line}/administrator-pin", mine.call("administrator-pin", unlock, "device.key"))

# ---- A change: the device comes back, is rewritten and goes out again ---------------

stage.platform.put(f"/v1/platform/accounts/{account}",
                   {**stage.platform.get(f"/v1/platform/accounts/{account}").get("record", record), "street": "新路1号"})
changed = {name: fields[name] for name in fields if name != "years"}
changed.update(street="新路1号", encrypted_files="deliver")
number = applicant.file("change", changed)
refused(409, applicant.submit, number)
pairing = applicant.post(f"/v1/cases/{number}/client-code")["code"]
other.make_key("key.pem")
refused(403, other.prove, pairing)
mine.prove(pairing)
refused(403, mine.prove, pairing)
check(applicant.submit(number) == "form-ready", "a change is submitted once its device proved itself")
applicant.fill_slots(number)
applicant.hand_in(number)
stage.officer("first").decide(number, "first-review")
slots = [paper["slot"] for paper in clerk.post("/v1/intake", {"code": number})["papers"]]
refused(409, clerk.post, f"/v1/cases/{number}/papers", {"received": ["device"], "device": other_serial})
clerk.post(f"/v1/cases/{number}/papers", {"received": slots, "device": mine.serial})
clerk.decide(number, "entry")
refused(409, mine.personalise, number, maker)
stage.officer("second").decide(number, "second-review")
code = message(mobile, f"{number}.*激活码：([A-Z0-9]{{12}})")
mine.rewrite()
made = mine.personalise(number, maker)
check(applicant.case(number)["old_keys"]["state"] == "asked", "the earlier keys wait for the maker's word")
maker.decide(number, "making", device=made)
until = time.monotonic() + 30
while applicant.case(number)["old_keys"]["state"] != "open" and time.monotonic() < until:
    time.sleep(0.3)
check(applicant.case(number)["old_keys"]["state"] == "open", "and are with the key management centre before the device is sent")
refused(409, mine.activate, code, "Passw0rd!")
sent = maker.post(f"/v1/cases/{number}/shipments", {**parcel, "tracking": f"sf{run + 1:010d}"})
maker.post(f"/v1/shipments/{sent['id']}/delivered")
refused(409, applicant.post, f"/v1/cases/{number}/activation-code")  # within 60 s
check(mine.activate(code, "Passw0rd!")["state"] == "done", "the device that was rewritten and sent is activated")

# ---- Keys for the device ---------------------------------------------------------------

refused(403, mine.line.post, "/v1/client/keys", {**mine.call("keys", number, "key.pem"), "number": number})
refused(403, mine.line.post, "/v1/client/keys", {**mine.call("recovered", number, "device.key"), "number": number})
refused(403, other.line.post, "/v1/client/keys", {**other.call("keys", number, "device.key"), "number": number})
mine.keys(number)
check(mine.keys(number) == {"number": number, "key": False, "recovered": 0, "state": "open"},
      "the key of the pair is delivered once, the earlier ones when they are approved")
refused(409, mine.confirm_keys, "recovered", number)
check(mine.confirm_keys("received", number)["state"] == "activated", "what is said twice is nothing")
begun = mine.line.post("/v1/client/recoveries", mine.call("recover", "", "key.pem"))
check(mine.line.post("/v1/client/recoveries", mine.call("recover", "", "key.pem"))["number"] == begun["number"],
      "a recovery of its own is begun once")
refused(403, mine.line.post, "/v1/client/recoveries", mine.call("recover", "", "device.key"))

# ---- The rest ------------------------------------------------------------------------

refused(400, maker.post, "/v1/devices", {"batch": "e2e", "model": "simulated", "serials": ["lower case"]})
listed = maker.get("/v1/devices?state=active&limit=100")["devices"]
check(any(one["serial"] == mine.serial for one in listed), "the device is listed as active")
maker.post(f"/v1/devices/{other_serial}/state", {"to": "destroyed", "remark": "broken"})
refused(409, maker.post, f"/v1/devices/{other_serial}/state", {"to": "returned"})
refused(403, stage.officer("first").post, f"/v1/devices/{other_serial}/state", {"to": "lost"})
# A renewal begins in a certificate's last 90 days, a seal needs its maker: unit/test_client.
left = [name for name in document.unasked(("devices", "client")) if name not in (
    "resendActivationCode", "sendHandlerCode", "confirmHandler", "requestRenewal", "signRenewal", "confirmRenewal",
    "confirmSeal")]
check(not left, f"{len(document.seen)} operations answered as documented {left or ''}")
