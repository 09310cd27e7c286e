"""
Calls the operations of docs/openapi.yaml and compares what is asked and
answered with it: openapi.py SOURCE STATE WORK
"""
import datetime
import http.client
import json
import os
import re
import secrets
import ssl
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sim"))
import device  # noqa: E402
import documented  # noqa: E402
import play  # noqa: E402
from judge import fail, refused  # noqa: E402

source, state, work = sys.argv[1:4]
document = documented.Document(os.path.join(source, "docs", "openapi.yaml"))
RUN = secrets.randbelow(10 ** 7)

# Asked by no story of this file, and why.
EXCUSED = {
    "giveCredential": "a browser makes the passkey: tests/browser/officers.mjs",
    "logInByPasskey": "a browser signs with it: tests/browser/officers.mjs",
    "decideOfficerCase": "who is dismissed is gone for the other tests: tests/browser/officers.mjs",
    "resendActivationCode": "60 s after the last one: unit/test_client; too early, here",
    "requestRenewal": "in a certificate's last 90 days: seven-businesses.sh, which watches itself",
    "signRenewal": "the same",
    "confirmRenewal": "the same",
    "sendHandlerCode": "of a renewal: unit/test_client",
    "confirmHandler": "of a renewal: unit/test_client",
    "confirmSeal": "wants a seal maker, which this state has not: unit/test_client",
    "retryRefund": "wants a provider that refuses, which would hurt the other tests: outside-world.sh",
    "retryCase": "wants a CA that refused: unit/test_handlers_case",
    "downloadInvoice": "made one to two working days after completion: unit/test_invoice",
    "paymentCallback": "the provider's own calls: asked by world.py all the time; forged here",
    "courierCallback": "the courier's own calls: devices.sh, which watches itself",
    "failUnlock": "devices.sh, which watches itself",
}


def ok(text):
    print(f"ok   {text}", flush=True)


# ---- The document itself ---------------------------------------------------------------

def every_reference_leads_somewhere():
    for reference in document.references():
        try:
            document.resolve({"$ref": reference})
        except KeyError:
            fail(f"{reference} is not there")
    ids = [operation["operationId"] for _, _, _, operation in document.operations]
    tags = {tag["name"] for tag in document.spec["tags"]}
    for _, pattern, _, operation in document.operations:
        if ids.count(operation["operationId"]) != 1:
            fail(f"two operations are {operation['operationId']}")
        if not set(operation["tags"]) <= tags:
            fail(f"{operation['operationId']}: {operation['tags']} is no tag")
    for template, item in document.spec["paths"].items():
        for method in set(item) - {"parameters"}:
            named = {document.resolve(p)["name"] for p in item.get("parameters", []) + item[method].get("parameters", [])
                     if document.resolve(p)["in"] == "path"}
            if named != set(re.findall(r"{([a-z_]+)}", template)):
                fail(f"{method} {template} describes {named}")
    ok(f"{len(ids)} operations, every reference leads somewhere")


def every_route_is_documented():
    with open(os.path.join(source, "ra", "routes.c"), encoding="utf-8") as file:
        served = {(method, path) for method, path in re.findall(r'\{HTTP_([A-Z]+),\s*"([^"]+)"', file.read())}
    served |= {("GET", "/health"), ("GET", "/metrics")}
    written = {(method.upper(), path) for path, item in document.spec["paths"].items()
               for method in item if method != "parameters"}
    if len(served) < 100 or served != written:
        fail(f"routes and document differ: {sorted(served ^ written)}")
    ok(f"{len(served)} routes are those of the document")


def nobody_is_served(office):
    """Whatever wants a caller answers 401 as documented to one without any name."""
    parts = urllib.parse.urlsplit(office.env["SIGNET_RA_URL"])
    context = ssl.create_default_context(cafile=office.env["SIGNET_CA_BUNDLE"])
    line = http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=60)
    stand_in = {"number": "N20260101-000001", "account": "nobody", "serial": "0" * 32, "day": "2026-01-01", "page": "1"}
    count = 0
    for template, item in document.spec["paths"].items():
        for method in set(item) - {"parameters"}:
            if not item[method].get("security", document.spec["security"]):
                continue
            path = re.sub(r"{([a-z_]+)}", lambda m: stand_in.get(m.group(1), "nothing"), template)
            line.request(method.upper(), path, headers={"Content-Length": "0"})
            answer = line.getresponse()
            content = answer.read()
            if answer.status != 401:
                fail(f"nobody asks {method} {path}: {answer.status} {content[:200]!r}")
            document.answered(method.upper(), path, answer, json.loads(content))
            count += 1
    line.close()
    ok(f"nobody is served at {count} operations")


# ---- The story ---------------------------------------------------------------------------

def unit_of(n):
    return RUN * 100 + n


def pages_and_operation(line):
    for path in ("/health", "/metrics", "/portal/", "/console/", "/portal/main.js", "/console/main.js", "/web/words.js"):
        line.get(path)
    for path in ("/", "/portal", "/console"):
        line.call("GET", path, accept=(308,))
    refused(404, line.get, "/portal/nothing.js")
    refused(404, line.call, "GET", "/web/nothing.js")


def accounts(office):
    admin = office.who("admin-a")
    account = f"openapi-{RUN}-x"
    refused(403, office.who("clerk").post, "/v1/accounts", {"account": account})
    refused(400, admin.post, "/v1/accounts", {"account": "A"})
    token = admin.post("/v1/accounts", {"account": account})["token"]
    refused(409, admin.post, "/v1/accounts", {"account": account})
    page = admin.get("/v1/accounts?limit=1")
    admin.get(f"/v1/accounts?limit=100&after={page['accounts'][0]['account']}")
    refused(400, admin.get, "/v1/accounts?limit=0")
    line = play.Line(office.env["SIGNET_RA_URL"], office.env["SIGNET_CA_BUNDLE"])
    bearer = {"Authorization": f"Bearer {token}"}
    refused(403, line.call, "GET", "/v1/accounts", headers=bearer)
    line.call("GET", "/v1/cases", headers=bearer)
    line.call("GET", "/v1/businesses", headers=bearer)
    csv = f"account,unit_name,uscc,kind,province,locality,street\nopenapi-{RUN}-i,导入有限公司,{play.uscc(RUN)},company,广东省,深圳市,一路 1 号\n"
    office.platform.call("POST", "/v1/platform/import?format=csv&dry_run=1", raw=csv.encode(), headers={"Content-Type": "text/csv"})
    admin.call("POST", "/v1/platform/import?format=csv", raw=csv.encode(), headers={"Content-Type": "text/csv"})
    office.platform.get(f"/v1/platform/accounts/openapi-{RUN}-i")
    refused(404, office.platform.get, "/v1/platform/accounts/openapi-nobody")


def sessions(office, applicant):
    applicant.get("/v1/session")
    other = play.Applicant(office, applicant.account)
    found = applicant.get("/v1/sessions")["sessions"]
    theirs = next(s for s in found if not s["is_this"])
    applicant.call("DELETE", f"/v1/sessions/{theirs['id']}")
    refused(401, other.get, "/v1/session")
    third = play.Applicant(office, applicant.account)
    third.call("DELETE", "/v1/session")
    line = play.Line(office.env["SIGNET_RA_URL"], office.env["SIGNET_CA_BUNDLE"])
    refused(401, line.post, "/v1/session/ticket", {"ticket": "0" * 64})
    line.post("/v1/session/passkey/options")


def officer_cases(office):
    admin = office.who("admin-a")
    people = admin.get("/v1/officers")["officers"]
    refused(403, office.who("clerk").post, "/v1/officer-cases", {"kind": "enroll-officer"})
    invited = admin.post("/v1/officer-cases", {"kind": "enroll-officer", "name": "文员", "person": f"P-{RUN}", "roles": ["auditor"]})
    line = play.Line(office.env["SIGNET_RA_URL"], office.env["SIGNET_CA_BUNDLE"])
    ticket = re.search(r"[0-9a-f]{64}", invited["url"]).group()
    line.post("/v1/officer-cases/invitation", {"ticket": ticket})
    admin.get("/v1/officer-cases")
    admin.get(f"/v1/officer-cases/{invited['id']}")
    admin.call("DELETE", f"/v1/officer-cases/{invited['id']}")
    refused(404, line.post, "/v1/officer-cases/invitation", {"ticket": ticket})  # taken back
    leaver = next(p for p in people if p["officer_id"] == office.who("auditor").officer_id)
    leaving = admin.post("/v1/officer-cases", {"kind": "dismiss-officer", "officer_id": leaver["officer_id"]})
    admin.get(f"/v1/officer-cases/{leaving['id']}")
    admin.call("DELETE", f"/v1/officer-cases/{leaving['id']}")


def calendar(office):
    admin = office.who("admin-a")
    admin.get("/v1/calendar?year=2031")
    admin.put("/v1/calendar/2031-05-05", {"is_working": False, "note": "试"})
    admin.put("/v1/calendar/2031-05-05", {"is_working": None})
    refused(400, admin.put, "/v1/calendar/2031-13-05", {"is_working": False})
    with open(os.path.join(source, "config", "calendar", sorted(os.listdir(os.path.join(source, "config", "calendar")))[0]), "rb") as file:
        admin.call("POST", "/v1/calendar/import", raw=file.read(), headers={"Content-Type": "text/csv"})


def desk(office, number):
    first = office.who("first")
    for query in ("", "?mine=1", "?state=first-review&sort=deadline&limit=1", "?business=new&sort=new"):
        found = first.get("/v1/queue" + query)
    refused(400, first.get, "/v1/queue?sort=colour")
    if "next" in found:
        first.get(f"/v1/queue?after={urllib.parse.quote(found['next'])}")
    first.get("/v1/queue/counts")
    first.post(f"/v1/cases/{number}/assign", {"officer_id": first.officer_id})
    first.post(f"/v1/cases/{number}/assign", {"officer_id": None})
    tomorrow = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    first.post(f"/v1/cases/{number}/hold", {"until": tomorrow, "reason": "等电话"})
    first.get(f"/v1/cases/{number}/review")
    first.post(f"/v1/cases/{number}/resume")
    for words in (number, play.uscc(unit_of(1)), play.mobile(unit_of(1)), "演示"):
        first.get(f"/v1/search?q={urllib.parse.quote(words)}")
    office.who("admin-a").get("/v1/dashboard")


def a_new_certificate(office):
    account, unit = f"openapi-{RUN}-1", unit_of(1)
    office.unit(account, unit)
    office.unit(account, unit)
    applicant = play.Applicant(office, account)
    sessions(office, applicant)
    fields = office.fields("new", unit)
    refused(400, applicant.file, "new", {**fields, "years": "6"})
    refused(400, applicant.post, "/v1/cases", {"business": "new", "fields": fields, "colour": "red"})
    number = applicant.file("new", fields)
    refused(409, applicant.file, "new", fields)
    refused(404, applicant.get, "/v1/cases/N20260101-999999")
    applicant.get("/v1/cases?business=new&state=draft&limit=1")
    refused(400, applicant.get, "/v1/cases?state=lost")
    refused(409, office.who("first").get, f"/v1/cases/{number}/review")
    body = applicant.case(number)
    applicant.put(f"/v1/cases/{number}", {"revision": body["revision"], "fields": fields})
    refused(409, applicant.put, f"/v1/cases/{number}", {"revision": body["revision"] + 5, "fields": fields})
    refused(404, applicant.get, f"/v1/cases/{number}/certificate")
    applicant.submit(number)
    applicant.fill_slots(number)
    slot = next(s["slot"] for s in applicant.case(number)["slots"] if s.get("document") and not s.get("form"))
    applicant.get(f"/v1/cases/{number}/documents/{slot}")
    applicant.get(f"/v1/cases/{number}/documents/{slot}/pages/1")
    applicant.call("DELETE", f"/v1/cases/{number}/documents/{slot}")
    refused(404, applicant.get, f"/v1/cases/{number}/documents/{slot}")
    refused(400, applicant.upload, number, slot, b"GIF89a" + b"\0" * 100, "x.gif")
    applicant.fill_slots(number)
    applicant.hand_in(number)
    first, second, clerk, finance = (office.who(name) for name in ("first", "second", "clerk", "finance"))
    # By bank, in two parts; what is too much goes back the same way.
    amount = office.open_payment(applicant, number, "transfer")["amount"]
    refused(403, clerk.post, f"/v1/cases/{number}/transfers", {"amount": amount, "reference": f"B{RUN}"})
    finance.post(f"/v1/cases/{number}/transfers", {"amount": amount // 2, "reference": f"B{RUN}"})
    finance.post(f"/v1/cases/{number}/transfers", {"amount": amount, "reference": f"C{RUN}"})
    applicant.get(f"/v1/cases/{number}/payment")
    office.await_state(applicant, number, "first-review")
    desk(office, number)
    refused(400, first.post, f"/v1/cases/{number}/decisions", {"step": "first-review"})
    refused(403, clerk.decide, number, "first-review")
    first.decide(number, "first-review", "return", remark="请补正", remarks={"street": "门牌"})
    body = applicant.case(number)
    applicant.put(f"/v1/cases/{number}", {"revision": body["revision"], "fields": fields})
    applicant.submit(number)
    applicant.fill_slots(number)
    applicant.hand_in(number)
    first.decide(number, "first-review")
    key = office.make(number, f"SIM-API-{RUN}")
    maker = office.who("maker")
    maker.get(f"/v1/cases/{number}/device")
    maker.get("/v1/devices?limit=1")
    maker.post("/v1/devices", {"batch": "openapi", "model": "SIM-KEY", "serials": [f"SIM-API-{RUN}-B"]})
    maker.post(f"/v1/devices/SIM-API-{RUN}-B/state", {"to": "destroyed", "remark": "摔坏"})
    office.receive(number)
    second.decide(number, "second-review", "supplement", remark="缺公章")
    if office.state_of(applicant, number) == "supplement":
        clerk.post(f"/v1/cases/{number}/papers", {"received": ["business-licence"]})
        if office.state_of(applicant, number) == "supplement":
            clerk.decide(number, "entry")
    second.decide(number, "second-review")
    refused(409, applicant.post, f"/v1/cases/{number}/activation-code")
    office.activate(applicant, number, key, play.mobile(unit))
    live = office.bind(account, applicant)
    office.platform.call("DELETE", f"/v1/platform/accounts/{account}/binding", {"issuer": live["issuer"], "serial": live["serial"]})
    office.bind(account, applicant)
    office.platform.get(f"/v1/platform/accounts/{account}/progress")
    refused(404, office.platform.get, "/v1/platform/accounts/openapi-nobody/progress")
    applicant.get(f"/v1/cases/{number}/certificate")
    applicant.get(f"/v1/cases/{number}/timeline")
    first.get(f"/v1/cases/{number}/timeline")
    first.get(f"/v1/cases/{number}/history")
    first.get(f"/v1/cases/{number}/review")
    first.get(f"/v1/certificates?account={account}")
    first.get(f"/v1/certificates/{live['issuer']}/{live['serial']}")
    refused(404, first.get, f"/v1/certificates/{live['issuer']}/{'0' * 32}")
    refused(404, applicant.get, f"/v1/cases/{number}/invoice")
    refused(409, applicant.post, f"/v1/cases/{number}/withdraw")
    over = next(r for r in finance.get("/v1/refunds?limit=100")["refunds"] if r["case"] == number)
    finance.post(f"/v1/refunds/{over['id']}/paid-out", {"reference": f"OUT{RUN}"})
    refused(409, finance.post, f"/v1/refunds/{over['id']}/retry")
    finance.get("/v1/refunds?state=done")
    finance.get(f"/v1/notices?number={number}&limit=5")
    day = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date() - datetime.timedelta(days=1)
    finance.post(f"/v1/reconciliations/{day}")
    finance.get("/v1/reconciliations")
    return applicant, key


def forgeries(office):
    line = play.Line(office.env["SIGNET_RA_URL"], office.env["SIGNET_CA_BUNDLE"])
    signed = {"Signet-Time": "1", "Signet-Nonce": "0" * 32, "Signet-Signature": "AAAA"}
    for who in ("payment", "courier"):
        try:
            line.call("POST", f"/v1/callbacks/{who}", body={}, headers=signed)
            fail(f"a forged call of the {who} was taken")
        except play.Refused as error:
            if error.status not in (400, 403):
                fail(f"a forged call: {error}")


def a_forgotten_pin(office, applicant, key):
    unit = unit_of(1)
    number = applicant.file("unlock", office.fields("unlock", unit))
    for _ in range(device.TRIES_MAX):
        key.check_pin("wrong")
    key.prove(applicant.post(f"/v1/cases/{number}/client-code")["code"])
    applicant.submit(number)
    mark = len(office.world.call("GET", "/sms"))
    key.ask_code(number)
    code = office.world.code_for(play.mobile(unit), r"验证码：?(\d{6})", after=mark)
    key.unlock(number, code, "New-Pin-2026")


def a_recovery_begun(applicant, key):
    def begin():
        return key.line.post("/v1/client/recoveries", key.call("recover", "", "key.pem"))["number"]

    number = begin()
    if begin() != number:
        fail("a recovery begun twice is two")
    refused(403, key.line.post, "/v1/client/recoveries", key.call("recover", "", "device.key"))
    applicant.post(f"/v1/cases/{number}/withdraw")


def closed_by_service(office, applicant, key):
    number = applicant.file("seal", office.fields("seal", unit_of(1), operation="change"))
    key.prove(applicant.post(f"/v1/cases/{number}/client-code")["code"])
    applicant.submit(number)
    applicant.fill_slots(number)
    applicant.hand_in(number)
    office.who("first").decide(number, "first-review")
    service = office.who("service")
    refused(409, service.post, f"/v1/cases/{number}/close", {"remark": "另行办理"})
    service.call("PUT", f"/v1/cases/{number}/documents/statement?name=statement.png", raw=play.paper("statement"))
    service.post(f"/v1/cases/{number}/close", {"remark": "另行办理"})
    refused(409, service.post, f"/v1/cases/{number}/retry")


def withdrawn(office):
    account = f"openapi-{RUN}-2"
    office.unit(account, unit_of(2))
    applicant = play.Applicant(office, account)
    number = applicant.file("new", office.fields("new", unit_of(2)))
    applicant.post(f"/v1/cases/{number}/withdraw")


def everything_was_asked():
    left = document.unasked()
    for name in left:
        if name not in EXCUSED:
            fail(f"{name} was never answered well, and nothing excuses that")
        print(f"     not asked: {name}: {EXCUSED[name]}")
    if set(EXCUSED) - set(left):
        fail(f"excused, and asked well: {sorted(set(EXCUSED) - set(left))}")
    ok(f"{len(document.operations) - len(left)} operations, {sum(map(len, document.seen.values()))} answers as documented")


every_reference_leads_somewhere()
every_route_is_documented()
stage = play.Office(state, os.path.join(work, "devices"))
nobody_is_served(stage)
document.watch(play.Line, play.Refused)
pages_and_operation(play.Line(stage.env["SIGNET_RA_URL"], stage.env["SIGNET_CA_BUNDLE"]))
accounts(stage)
officer_cases(stage)
calendar(stage)
forgeries(stage)
holder, usb_key = a_new_certificate(stage)
a_forgotten_pin(stage, holder, usb_key)
a_recovery_begun(holder, usb_key)
closed_by_service(stage, holder, usb_key)
withdrawn(stage)
everything_was_asked()
