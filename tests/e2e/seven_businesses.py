"""
The seven businesses on running services, from notice to end, by the API alone:
what domain.md, 1.4 to 1.9 promises is tried, and what it forbids is refused.
seven_businesses.py STATE WORK; judged by openssl and psql.
"""
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sim"))
import documented  # noqa: E402
import play  # noqa: E402
from judge import Sql  # noqa: E402
from play import Applicant, Office, Refused, mobile, id_number, paper, scan_of_form  # noqa: E402

document = documented.Document(os.path.join(HERE, "..", "..", "docs", "openapi.yaml"))
document.watch(play.Line, play.Refused)
office = Office(sys.argv[1], os.path.join(sys.argv[2], "devices"))
sql = Sql(office)
RUN = int(time.time()) % 900000 + 1000
done = 0


def ok(what):
    global done
    done += 1
    print(f"ok {what}", flush=True)


def want(what, expected, actual):
    if expected != actual:
        sys.exit(f"FAIL: {what}: wanted {expected!r}, got {actual!r}")
    ok(what)


def refused(what, status, act, *args, **more):
    try:
        answer = act(*args, **more)
    except Refused as e:
        if e.status != status:
            sys.exit(f"FAIL: {what}: {e}")
        ok(f"{what}: {e.problem.get('detail')}")
        return
    sys.exit(f"FAIL: {what}: it was done: {answer}")


def x509(path, *what):
    return subprocess.run(["openssl", "x509", "-in", path, "-noout", *what], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


def seconds(path, which):
    text = x509(path, f"-{which}date").split("=", 1)[1]
    return int(subprocess.run(["date", "-u", "-d", text, "+%s"], check=True, stdout=subprocess.PIPE, text=True).stdout)


def fetched(applicant, number, name):
    """The certificate that the applicant gets: verified, as a file."""
    chain = os.path.join(sys.argv[2], f"{name}.pem")
    with open(chain, "wb") as file:
        file.write(applicant.get(f"/v1/cases/{number}/certificate"))
    subprocess.run(["openssl", "verify", "-CAfile", office.env["SIGNET_ROOT"], "-untrusted", chain, chain], check=True,
                   stdout=subprocess.DEVNULL)
    return chain


def status_of(certificate, expected):
    """What openssl hears from the responder; within a second, with room for a busy machine."""
    for _ in range(30):
        said = subprocess.run(["openssl", "ocsp", "-issuer", office.env["SIGNET_ISSUER"], "-cert", certificate, "-url",
                               office.env["SIGNET_OCSP_URL"], "-CAfile", office.env["SIGNET_CA_BUNDLE"]],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        if f": {expected}" in said.split("\n")[0]:
            return said
        time.sleep(0.2)
    sys.exit(f"FAIL: OCSP should say {expected} and says {said}")


def account(n):
    return f"seven-{RUN}-{n}"


first, second, clerk, maker, service = (office.who(name) for name in ("first", "second", "clerk", "maker", "service"))

# ---- 新申请 NEW -------------------------------------------------------------------
unit = RUN * 10
office.unit(account(1), unit)
one = Applicant(office, account(1))
stranger_account = account(2)
office.unit(stranger_account, unit + 1)
stranger = Applicant(office, stranger_account)

fields = office.fields("new", unit)
refused("an identity number whose check digit is wrong", 400, one.file, "new", {**fields, "handler_id_number": "440301199001010001"})
refused("six years", 400, one.file, "new", {**fields, "years": "6"})
number = one.file("new", fields)
refused("another unit sees no case of this one", 404, stranger.get, f"/v1/cases/{number}")
refused("a second open business of the account", 409, one.file, "new", fields)
refused("a draft waits for the applicant", 409, first.get, f"/v1/cases/{number}/review")
want("submission locks the fields and makes the form", "form-ready", one.submit(number))
want("a double click on submit changes nothing", "form-ready", one.submit(number) if "submitted" in one.case(number)["can"] else one.case(number)["state"])
refused("a locked field stays", 409, one.put, f"/v1/cases/{number}", {"revision": one.case(number)["revision"], "fields": {**fields, "handler_mobile": mobile(7)}})
refused("without its documents it is not handed in", 409, one.hand_in, number)
one.fill_slots(number)
refused("another kind of file", 400, one.upload, number, "handler-id", b"GIF89a" + b"\0" * 100, "id.gif")
want("a two years' fee is to be paid", "awaiting-payment", one.hand_in(number))
want("the price of domain.md, 1.4", 40000, one.case(number)["payment"]["amount"])
refused("before it is paid nobody reviews it", 409, first.decide, number, "first-review")
office.open_payment(one, number)
want("the click 'paid' only asks", "awaiting-payment", (one.get(f"/v1/cases/{number}/payment"), office.state_of(one, number))[1])
office.pay(one, number)
want("the provider's word counts", "first-review", office.await_state(one, number, "first-review"))
refused("a clerk is no reviewer", 403, clerk.decide, number, "first-review")
refused("nor is the second reviewer the first", 403, second.decide, number, "first-review")

want("returned with a remark", "returned", first.decide(number, "first-review", "return", remark="住所与执照不一致"))
want("the applicant reads why", "住所与执照不一致", one.case(number)["remark"])
old_form = one.get(f"/v1/cases/{number}/forms/certificate")
one.put(f"/v1/cases/{number}", {"revision": one.case(number)["revision"], "fields": {**fields, "street": "新街 9 号"}})
want("what is printed makes a new form", "form-ready", one.submit(number))
one.fill_slots(number)
one.upload(number, "certificate-form", scan_of_form(old_form), "old.png")
refused("the form of an earlier revision", 409, one.hand_in, number)
one.upload(number, "certificate-form", scan_of_form(one.get(f"/v1/cases/{number}/forms/certificate")), "form.png")
want("what is paid is paid", "first-review", one.hand_in(number))
want("first review", "awaiting-originals", first.decide(number, "first-review"))
refused("a second time", 409, first.decide, number, "first-review")
refused("second review without the originals", 409, second.decide, number, "second-review")
serial = f"SIM-{unit}"
device = office.make(number, serial)
refused("the reviewer makes no device", 403, first.decide, number, "making", device={"serial": serial, "spki_sha256": "0" * 64})
want("originals are received", "second-review", office.receive(number))
refused("the first reviewer is not the second", 403, first.decide, number, "second-review")
want("a defect", "supplement", second.decide(number, "second-review", "supplement", remark="执照复印件未盖章"))
clerk.post(f"/v1/cases/{number}/papers", {"received": ["business-licence"]})
want("refiled", "second-review", office.state_of(one, number) if office.state_of(one, number) == "second-review" else clerk.decide(number, "entry"))
want("nothing is signed before the second review", "0",
     sql(f"SELECT count(*) FROM ca.certificate WHERE account = '{account(1)}'"))
want("second review", "activation-allowed", second.decide(number, "second-review"))
want("nor before activation", "0", sql(f"SELECT count(*) FROM ca.certificate WHERE account = '{account(1)}'"))
thief = office.device(f"{serial}-T")
thief.blank(f"{serial}-T")
thief.make_key("device.key")
code = office.world.code_for(mobile(unit), r"激活码：([A-Z0-9]{12})", about=number)
refused("the code with another device", 403, thief.activate, code, "Sesame-2026")
office.activate(one, number, device, mobile(unit))
ok("activated")
signing = fetched(one, number, "new")
want("two years to the second", 1, seconds(signing, "start") // 10**9)
start, end = seconds(signing, "start"), seconds(signing, "end")
want("notAfter is notBefore and two years, less a second",
     subprocess.run(["date", "-u", "-d", f"@{start}", "+%m-%d %H:%M:%S"], check=True, stdout=subprocess.PIPE, text=True).stdout,
     subprocess.run(["date", "-u", "-d", f"@{end + 1}", "+%m-%d %H:%M:%S"], check=True, stdout=subprocess.PIPE, text=True).stdout)
status_of(signing, "good")
want("one pair", "2", sql(f"SELECT count(*) FROM ca.certificate WHERE account = '{account(1)}'"))
refused("nothing is closed after activation", 409, service.post, f"/v1/cases/{number}/close", {"remark": "x"})
office.bind(account(1), one)
want("bound", "bound", office.state_of(one, number))
want("reviewers, maker and clerk are four people", "4",
     sql(f"SELECT count(DISTINCT person) FROM ra.case_decision WHERE number = '{number}' AND verdict = 'approve'"))
events = sql(f"SELECT string_agg(event, ' ' ORDER BY index) FROM log.entry WHERE subject = '{number}'")
for event in ("case.created", "case.submitted", "case.paid", "case.returned", "case.passed", "case.originals-received", "case.ca-done", "case.bound"):
    want(f"the log has {event}", True, event in events)
refused("with a live certificate there is no new one", 409, one.file, "new", fields)

# ---- 解锁 UNLOCK -------------------------------------------------------------------
number = one.file("unlock", office.fields("unlock", unit))
for _ in range(10):
    device.check_pin("wrong")
want("ten wrong PINs lock", False, device.check_pin("Sesame-2026"))
device.prove(one.post(f"/v1/cases/{number}/client-code")["code"])
want("the handler of record needs no review", "approved", one.submit(number))
mark = len(office.world.call("GET", "/sms"))
device.ask_code(number)
refused("a code again at once", 409, device.ask_code, number)
code = office.world.code_for(mobile(unit), r"验证码：?(\d{6})", after=mark)
refused("a wrong code", 403, device.unlock, number, f"{(int(code) + 1) % 1000000:06d}", "New-Pin-2026")
want("unlocked", "done", device.unlock(number, code, "New-Pin-2026")["state"])
want("with the new PIN", True, device.check_pin("New-Pin-2026"))

number = one.file("unlock", office.fields("unlock", unit, handler_name="吴另人", handler_id_number=id_number(31), handler_mobile=mobile(31)))
device.prove(one.post(f"/v1/cases/{number}/client-code")["code"])
want("another handler brings papers", "form-ready", one.submit(number))
one.fill_slots(number)
want("and waits for a person", "in-review", one.hand_in(number))
want("refused", "rejected", first.decide(number, "first-review", "reject", remark="身份证不清"))

# ---- 续期 RENEW -----------------------------------------------------------------------
number = one.file("renew", office.fields("renew", unit, handler_name="周经办"))
want("renewal has no documents", "submitted", one.submit(number))
client = one.post(f"/v1/cases/{number}/client-code")["code"]
want("signed by the present key", "awaiting-payment", device.renew(number, client)["state"])
office.pay(one, number)
office.await_state(one, number, "issued")
status_of(signing, "good")
device.install(number)
want("installed", "installed", office.await_state(one, number, "installed"))
renewed = fetched(one, number, "renewed")
want("from the old end, one year", True, 365 * 86400 <= seconds(renewed, "end") - end <= 366 * 86400)
want("another key", False, x509(renewed, "-pubkey") == x509(signing, "-pubkey"))
status_of(signing, "revoked")
want("superseded once it is installed", "superseded", sql(
    f"SELECT DISTINCT reason FROM ra.holder_certificate WHERE account = '{account(1)}' AND state = 'revoked'"))
signing, end = renewed, seconds(renewed, "end")

# ---- 补办 REISSUE -----------------------------------------------------------------------
refused("what becomes of encrypted files is one of three answers", 400, one.file, "reissue", office.fields("reissue", unit, encrypted_files="later"))
number = office.filed(one, "reissue", office.fields("reissue", unit))
want("200 yuan once", 20000, one.case(number)["payment"]["amount"])
office.pay(one, number)
office.await_state(one, number, "first-review")
status_of(signing, "good")
first.decide(number, "first-review")
want("lost: held from the first review on", True, "certificateHold" in status_of(signing, "revoked"))
device = office.make(number, f"SIM-{unit}B")
office.receive(number)
second.decide(number, "second-review")
office.activate(one, number, device, mobile(unit))
reissued = fetched(one, number, "reissued")
want("the same end to the second", end, seconds(reissued, "end"))
status_of(signing, "revoked")
status_of(reissued, "good")
office.bind(account(1), one)
signing = reissued

# ---- 变更 CHANGE ---------------------------------------------------------------------------
office.unit(account(1), unit, f"更名{unit}有限公司")
number = one.file("change", office.fields("change", unit, f"更名{unit}有限公司"))
refused("without the device there is no change", 409, one.submit, number)
device.prove(one.post(f"/v1/cases/{number}/client-code")["code"])
one.submit(number)
one.fill_slots(number)
want("free of charge", "first-review", one.hand_in(number))
want("no payment exists", "0", sql(f"SELECT count(*) FROM ra.payment WHERE number = '{number}'"))
want("field by field", True, "unit_name" in [c["field"] for c in first.get(f"/v1/cases/{number}/review")["changes"]])
first.decide(number, "first-review")
office.receive(number)
second.decide(number, "second-review")
status_of(signing, "good")
office.make(number, f"SIM-{unit}B", is_new=False)
office.activate(one, number, device, mobile(unit))
changed = fetched(one, number, "changed")
want("the same end to the second", end, seconds(changed, "end"))
want("the new name", True, f"更名{unit}有限公司" in x509(changed, "-subject", "-nameopt", "utf8,sep_comma_plus"))
status_of(signing, "revoked")
want("affiliationChanged", "affiliationChanged", sql(
    f"SELECT reason FROM ra.holder_certificate WHERE account = '{account(1)}' ORDER BY changed_at DESC, stored_at LIMIT 1"))
office.bind(account(1), one)
signing = changed

# ---- 印章 SEAL --------------------------------------------------------------------------------
number = one.file("seal", office.fields("seal", unit, f"更名{unit}有限公司", operation="change"))
device.prove(one.post(f"/v1/cases/{number}/client-code")["code"])
one.submit(number)
one.fill_slots(number)
one.hand_in(number)
body = one.case(number)
one.put(f"/v1/cases/{number}", {"revision": body["revision"], "fields": {**body["fields"], "seals": '[{"type":"contract","name":"更名合同专用章"}]'}})
refused("edited under review: the old form is void", 409, first.decide, number, "first-review")
one.fill_slots(number)
one.hand_in(number)
want("approved, to be made", "seal-approved", first.decide(number, "first-review"))
service.call("PUT", f"/v1/cases/{number}/documents/statement?name=statement.png", raw=paper("statement"))
want("customer service closes it with a stamped statement", "closed", service.post(f"/v1/cases/{number}/close", {"remark": "印章制作另行办理"})["state"])

# ---- 注销 REVOKE ------------------------------------------------------------------------------
number = office.filed(one, "revoke", office.fields("revoke", unit))
first.decide(number, "first-review")
want("held from the first review on", True, "certificateHold" in status_of(signing, "revoked"))
office.receive(number)
want("rejected", "rejected", second.decide(number, "second-review", "reject", remark="公章不符"))
status_of(signing, "good")
ok("and the hold is released")
number = office.filed(one, "revoke", office.fields("revoke", unit))
first.decide(number, "first-review")
office.receive(number)
second.decide(number, "second-review")
want("revoked", "revoked", office.await_state(one, number, "revoked"))
want("for the reason given", True, "cessationOfOperation" in status_of(signing, "revoked"))
want("no live certificate is left", "0", sql(
    f"SELECT count(*) FROM ra.holder_certificate WHERE account = '{account(1)}' AND state = 'valid'"))

# ---- What holds for all (domain.md, 1.9) --------------------------------------------------------
sql.histories_are_chains()
want("no refund after activation", "0", sql(
    "SELECT count(*) FROM ra.refund r JOIN ra.payment p ON p.id = r.payment JOIN ra.case_file c USING (number)"
    " WHERE c.state IN ('activated', 'bound', 'issued', 'installed') AND r.reason <> 'overpaid'"))
want("personal data stands nowhere in clear", "0", sql(
    f"SELECT count(*) FROM ra.case_field WHERE value LIKE '%{mobile(unit)}%' OR value LIKE '%{id_number(unit)}%'"))
want("the registration authority looks at what it holds", True, sql(
    "SELECT count(*) > 0 FROM ra.holder_certificate WHERE looked_at > to_timestamp(0)") == "t")
print(f"{done} promises held, {len(document.seen)} operations answered as documented")
