"""
Stories told on running services: the demonstration's first part, and the sample
cases that ./signet up leaves for a newcomer to try. Uses play.py alone.

    story.py STATE demo WORK     the way of a new certificate, step by step; leaves
                                 first.pem, its chain and facts in the folder WORK
    story.py STATE renewed WORK  the device takes the key of WORK/renew.answer, and opens
                                 what was encrypted before; leaves renew.pem
    story.py STATE samples       cases in different states, marked as samples
"""
import base64
import json
import os
import subprocess
import sys
import time

from centre import OPERATORS, RA_OFFICER, Centre
from play import Applicant, Office, Refused, mobile

BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
BID = "The bid is 1 200 000 yuan"
steps = 0


def step(text):
    global steps
    steps += 1
    print(f"\n{BOLD}{steps:2d}. {text}{PLAIN}", flush=True)


def tell(text):
    print(f"    {text}", flush=True)


def fail(text):
    print(f"\nsignet demo: step {steps} does not hold: {text}", file=sys.stderr)
    sys.exit(1)


def wanted(what, expected, actual):
    if expected != actual:
        fail(f"{what} should be '{expected}' and is '{actual}'")
    tell(f"{what}: {actual}")


def refused(what, act, *args, **more):
    try:
        act(*args, **more)
    except Refused as e:
        tell(f"{what}: refused: {e.problem.get('detail')}")
        return
    fail(f"{what} was not refused")


def money(fen):
    return f"{fen // 100}.{fen % 100:02d} yuan"


def encrypted(recipient, text):
    """By openssl alone, as a correspondent does: to the certificate in this file."""
    return subprocess.run(["openssl", "cms", "-encrypt", "-binary", "-aes256", "-outform", "DER", recipient], input=text.encode(),
                          check=True, stdout=subprocess.PIPE).stdout


def opens(device, file):
    text = device.decrypt(file)
    return text.decode() if text else "not opened"


# ---- The demonstration -----------------------------------------------------------------

def demo(office, work):
    run = int(time.strftime("%j%H%M%S")) % 100000000
    account, name = f"demo-{run}", f"演示单位 {run} 有限公司"

    step("The host platform opens an account: the unit's record comes from there")
    office.unit(account, run, name)
    applicant = Applicant(office, account)
    tell(f"account {account}: {name}; a portal session of 30 minutes")

    step("The unit applies in the portal; what it submits is locked")
    refused("an identity number with a wrong check digit", applicant.file, "new",
            {**office.fields("new", run, name), "handler_id_number": "440301199001010001"})
    number = applicant.file("new", office.fields("new", run, name))
    wanted("the case " + number, "form-ready", applicant.submit(number))

    step("Forms to print, stamp and scan; every upload is examined in a sandbox")
    for form in applicant.case(number)["forms"]:
        tell(f"{form['kind']} form, PDF of {len(applicant.get(f'/v1/cases/{number}/forms/' + form['kind']))} octets")
    applicant.fill_slots(number)
    refused("a file that is none of PDF, JPEG, PNG", applicant.upload, number, "handler-id", b"GIF89a" + b"\0" * 99, "x.gif")
    wanted("handed in", "awaiting-payment", applicant.hand_in(number))

    step("Payment: the click 'paid' only asks the provider")
    order = office.open_payment(applicant, number)["pay_url"].rstrip("/").rsplit("/", 1)[1]
    wanted("before it is paid", "awaiting-payment", office.state_of(applicant, number))
    office.world.call("POST", f"/orders/{order}/pay", {"amount": 10000})
    time.sleep(0.5)
    case = applicant.case(number)
    wanted(f"{money(case['payment']['received'])} of {money(case['payment']['amount'])}", "awaiting-payment", case["state"])
    office.world.call("POST", f"/orders/{order}/pay", {})
    wanted("and the rest", "first-review", office.await_state(applicant, number, "first-review"))

    step("First review: returned with a remark, corrected, passed; every decision is a signature")
    first, second, clerk = (office.who(name) for name in ("first", "second", "clerk"))
    for finding in first.get(f"/v1/cases/{number}/review").get("findings", [])[:4]:
        tell(f"finding, {finding['level']}: {finding['subject']} {finding['code']}")
    wanted("returned", "returned", first.decide(number, "first-review", "return", remark="住所与执照不一致"))
    body = applicant.case(number)
    applicant.put(f"/v1/cases/{number}", {"revision": body["revision"], "fields": {**body["fields"], "street": "文三路 1 号"}})
    applicant.submit(number)
    applicant.fill_slots(number)
    applicant.hand_in(number)
    wanted("passed", "awaiting-originals", first.decide(number, "first-review"))

    step("The maker prepares a USB key and signs for it; it is sent by courier")
    serial = f"SIM-{run}"
    device = office.make(number, serial)
    tell(f"device {serial}, delivered; nothing is signed yet")

    step("The originals arrive; a second reviewer looks at them, and no one person can do two steps")
    office.receive(number)
    refused("the first reviewer again", first.decide, number, "second-review")
    wanted("second review", "activation-allowed", second.decide(number, "second-review"))

    step("Activation: the key is made in the device, and only now the CA signs")
    thief = office.device(f"{serial}-X")
    thief.blank(f"{serial}-X")
    thief.make_key("device.key")
    code = office.world.code_for(mobile(run), r"激活码：([A-Z0-9]{12})", about=number)
    refused("the right code with another device", thief.activate, code, "Sesame-2026")
    office.activate(applicant, number, device, mobile(run))
    office.bind(account, applicant)
    wanted("bound on the platform", "bound", office.state_of(applicant, number))

    step("Ten wrong PINs lock the device; the handler of record unlocks it")
    for _ in range(10):
        device.check_pin("wrong")
    wanted("the right PIN opens", False, device.check_pin("Sesame-2026"))
    unlock = applicant.file("unlock", office.fields("unlock", run))
    device.prove(applicant.post(f"/v1/cases/{unlock}/client-code")["code"])
    applicant.submit(unlock)
    mark = len(office.world.call("GET", "/sms"))
    device.ask_code(unlock)
    device.unlock(unlock, office.world.code_for(mobile(run), r"验证码：?(\d{6})", after=mark), "New-Pin-2026")
    wanted("the new PIN opens", True, device.check_pin("New-Pin-2026"))
    history = first.get(f"/v1/cases/{number}/history")
    tell(f"the history of {number}: {len(history.get('links', history.get('history', [])))} links, each with the hash of the one before")

    step("Somebody encrypts a file to the holder: to the second certificate of the pair; the device opens it")
    file = encrypted(device.path("encryption.pem"), BID)
    tell(f"openssl cms: {len(file)} octets; the private key was made by the key management centre and came sealed for this device")
    wanted("the device reads", BID, opens(device, file))

    step("The device is lost: reissued to a new one, which has a new pair and cannot open the file")
    lost = office.filed(applicant, "reissue", office.fields("reissue", run, name, encrypted_files="deliver"))
    office.pay(applicant, lost)
    office.await_state(applicant, lost, "first-review")
    first.decide(lost, "first-review")
    device = office.make(lost, serial + "-B")
    office.receive(lost)
    second.decide(lost, "second-review")
    office.activate(applicant, lost, device, mobile(run))
    office.bind(account, applicant)
    wanted("the new device reads", "not opened", opens(device, file))

    step("The key management centre: an RA officer and three of five operators, none of whom can do it alone")
    centre = Centre(office.state)
    case = centre.open_case(account)
    centre.decide(case, RA_OFFICER, *OPERATORS[:2])
    device.keys()
    wanted("after two operators the device reads", "not opened", opens(device, file))
    centre.decide(case, OPERATORS[2])
    centre.await_state(case, "done")
    fetched = device.keys()
    while fetched["state"] == "open":  # the RA asks the CA every few seconds
        time.sleep(0.2)
        fetched = device.keys()
    wanted("after the third it fetches earlier keys", 1, fetched["recovered"])
    wanted("and reads", BID, opens(device, file))

    with open(os.path.join(work, "chain.pem"), "wb") as chain:
        chain.write(applicant.get(f"/v1/cases/{lost}/certificate"))
    with open(os.path.join(work, "bid.cms"), "wb") as kept:
        kept.write(file)
    with open(os.path.join(work, "told"), "w", encoding="utf-8") as told:
        told.write(f"STEP={steps}\nACCOUNT='{account}'\nUNIT='{name}'\nHOLDER_KEY='{device.path('key.pem')}'\nDEVICE='{device.folder}'\n"
                   f"CODE='{applicant.case(number)['uscc']}'\nSTREET='文三路 1 号'\n")


def renewed(office, work, folder):
    """The answer of a renewal: two certificates, and the key for the device."""
    device = office.device(os.path.basename(folder))
    with open(os.path.join(work, "renew.answer"), encoding="utf-8") as file:
        answer = json.load(file)
    for name, one in zip(("renew.pem", "encryption.pem"), answer["certificates"]):
        subprocess.run(["openssl", "x509", "-inform", "DER", "-out", os.path.join(work, name)], input=base64.b64decode(one["der"]), check=True)
    device.take_key({**answer["key"], "certificates": answer["certificates"][1:]})
    with open(os.path.join(work, "bid.cms"), "rb") as file:
            wanted("the file of the first pair", BID, opens(device, file.read()))
    wanted("one for the new pair", "The bid has won", opens(device, encrypted(os.path.join(work, "encryption.pem"), "The bid has won")))


# ---- Samples -----------------------------------------------------------------------------

def samples(office):
    """One unit a state; numbers above 900 so that nobody real is meant."""
    def unit(n, name, kind="company"):
        office.unit(f"sample-{n}", n, name, kind)
        return Applicant(office, f"sample-{n}")

    def paid(n, name):
        applicant = unit(n, name)
        number = office.filed(applicant, "new", office.fields("new", n, name))
        office.pay(applicant, number)
        office.await_state(applicant, number, "first-review")
        return applicant, number

    draft = unit(901, "样例·草稿建材有限公司")
    draft.file("new", office.fields("new", 901, "样例·草稿建材有限公司"))
    waiting = unit(902, "样例·待上传律师事务所", "law-firm")
    number = waiting.file("new", office.fields("new", 902, "样例·待上传律师事务所"))
    waiting.submit(number)
    unpaid = unit(903, "样例·待支付物流有限公司")
    office.filed(unpaid, "new", office.fields("new", 903, "样例·待支付物流有限公司"))
    for n, name in ((904, "样例·待初审科技有限公司"), (905, "样例·又一家待初审食品有限公司")):
        paid(n, name)
    applicant, number = paid(906, "样例·已退回印刷有限公司")
    office.who("first").decide(number, "first-review", "return", remark="营业执照扫描件不清晰，请重新彩色扫描。")
    applicant, number = paid(907, "样例·待复审电子有限公司")
    office.who("first").decide(number, "first-review")
    office.make(number, "SAMPLE-907")
    office.receive(number)
    applicant, number, device = office.certified("sample-908", 908, "SAMPLE-908")
    lost = office.filed(applicant, "reissue", office.fields("reissue", 908))
    office.pay(applicant, lost)
    office.await_state(applicant, lost, "first-review")
    print("sample cases: " + ", ".join(f"sample-{n}" for n in range(901, 909)))


def main():
    state, what = sys.argv[1], sys.argv[2]
    office = Office(state, os.path.join(os.path.expanduser(sys.argv[3]) if len(sys.argv) > 3 else
                                        os.path.join(state, "world"), "devices"))
    if what == "demo":
        demo(office, sys.argv[3])
    elif what == "renewed":
        renewed(office, *sys.argv[3:5])
    else:
        samples(office)


if __name__ == "__main__":
    try:
        main()
    except (Refused, TimeoutError) as e:
        fail(e)
