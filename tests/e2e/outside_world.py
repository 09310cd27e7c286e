"""
Money and messages between running services and the simulated outside world:
usage: outside_world.py STATE WORK
"""
import datetime
import os
import secrets
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sim"))
import documented  # noqa: E402
import play  # noqa: E402
from judge import check, fail, refused  # noqa: E402

document = documented.Document(os.path.join(HERE, "..", "..", "docs", "openapi.yaml"))
document.watch(play.Line, play.Refused)
state, work = sys.argv[1:3]
office = play.Office(state, os.path.join(work, "devices"))
world = office.world
finance = office.who("finance")
run = secrets.randbelow(10 ** 8)


def until(what, text, wait_s=30):
    """Polls until it holds."""
    end = time.monotonic() + wait_s
    while not what():
        if time.monotonic() > end:
            fail(text)
        time.sleep(0.2)
    print(f"ok   {text}")


def waiting_case(offset):
    """A case that waits for its payment: the applicant, number, telephone."""
    unit = run + offset
    account = f"money-{unit}"
    office.unit(account, unit)
    applicant = play.Applicant(office, account)
    fields = office.fields("new", unit, handler_email=f"handler-{unit}@unit.example")
    number = office.filed(applicant, "new", fields)
    check(office.state_of(applicant, number) == "awaiting-payment", f"{number} waits for its payment")
    return applicant, number, play.mobile(unit), f"handler-{unit}@unit.example"


def payment(applicant, number):
    return applicant.get(f"/v1/cases/{number}/payment")


def call(order, how):
    return world.call("POST", f"/orders/{order}/call", {"how": how})["status"]


def texts(telephone, words):
    return [m for m in world.call("GET", "/sms") if m["to"].endswith(telephone) and words in m["text"]]


def refunds_of(number):
    return [r for r in finance.get("/v1/refunds?limit=100")["refunds"] if r["case"] == number]


# ---- In parts, by notice and by asking ---------------------------------------------

applicant, number, telephone, address = waiting_case(0)
amount = payment(applicant, number)["amount"]
opened = office.open_payment(applicant, number)
order = opened["id"]
check(opened["pay_url"].endswith(order), "the pay page is that of the order")

half = amount // 2
event = world.call("POST", f"/orders/{order}/pay", {"amount": half})
check(event["calls"][-1]["status"] == 200, "the provider's notice is taken")
check(office.state_of(applicant, number) == "awaiting-payment", "half of it does not let the case go on")
until(lambda: texts(telephone, f"{(amount - half) / 100:.2f}"), "the handler is told how much is wanted, by SMS")
until(lambda: [m for m in world.call("GET", "/mails") if address in m["to"] and number in m["subject"]],
      "and by mail, with a subject that can be read")
check(call(order, "forged") == 403, "a forged notice is refused")
check(call(order, "stale") == 403, "a stale notice is refused")
check(call(order, "again") == 200, "the same event, signed anew, is known")
check(call(order, "replayed") == 409, "the very same call is refused")
check(call(order, "other-amount") == 409, "the same event with another amount is refused")
check(payment(applicant, number)["received"] == half, "and all that counted once")

world.call("POST", f"/orders/{order}/pay", {"is_silent": True})
check(payment(applicant, number)["state"] == "paid", "the click 'paid' asks the provider: it is paid")
check(office.state_of(applicant, number) == "first-review", "and the case goes on")
until(lambda: [w for w in world.call("GET", "/webhooks") if w["news"]["number"] == number and w["news"]["event"] == "paid"],
      "the host platform hears of it")

# ---- Twice, and back -------------------------------------------------------------------

world.call("POST", f"/orders/{order}/pay", {"amount": amount})
until(lambda: [r for r in refunds_of(number) if r["reason"] == "overpaid" and r["state"] == "done"],
      "what was paid twice goes back")
check(payment(applicant, number)["state"] == "paid", "the payment stays")
applicant.post(f"/v1/cases/{number}/withdraw")
until(lambda: payment(applicant, number)["state"] == "refunded", "a case that is withdrawn before shipping is paid back")
world.call("POST", f"/orders/{order}/pay", {"amount": 700})
until(lambda: [r for r in refunds_of(number) if r["reason"] == "late" and r["state"] == "done"],
      "what comes after that goes back too")
gone = [r for r in world.call("GET", "/orders")["refunds"] if r["order"] == order]
check(sum(r["amount"] for r in gone) == 2 * amount + 700 and all(r["state"] == "done" for r in gone),
      "the provider paid back what came, to the fen")
until(lambda: texts(telephone, f"{amount / 100:.2f}"), "the handler is told")

# ---- A refund that the provider refuses ---------------------------------------------------

applicant, number, telephone, address = waiting_case(1)
order = office.pay(applicant, number)
office.await_state(applicant, number, "first-review")
world.call("POST", "/behave", {"refunds": "refuse"})
applicant.post(f"/v1/cases/{number}/withdraw")
until(lambda: [r for r in refunds_of(number) if r["state"] == "failed"], "a refused refund waits for finance")
world.call("POST", "/behave", {"refunds": "ok"})
[failed] = refunds_of(number)
world.call("POST", f"/refunds/{failed['id']}", {"state": "done"})
refused(403, applicant.post, f"/v1/refunds/{failed['id']}/retry")
finance.post(f"/v1/refunds/{failed['id']}/retry")
until(lambda: payment(applicant, number)["state"] == "refunded", "which tries it again")
refused(409, finance.post, f"/v1/refunds/{failed['id']}/retry")

# ---- By bank ----------------------------------------------------------------------------------

applicant, number, telephone, address = waiting_case(2)
check("pay_url" not in office.open_payment(applicant, number, "transfer"), "a bank transfer has no pay page")
transfer = {"amount": amount, "reference": f"B{run}"}
refused(403, applicant.post, f"/v1/cases/{number}/transfers", transfer)
refused(403, office.who("first").post, f"/v1/cases/{number}/transfers", transfer)
for _ in range(2):
    finance.post(f"/v1/cases/{number}/transfers", transfer)
check(payment(applicant, number)["received"] == amount, "finance confirms a bank transfer, once")
check(office.state_of(applicant, number) == "first-review", "and the case goes on")
applicant.post(f"/v1/cases/{number}/withdraw")
[due] = refunds_of(number)
check((due["method"], due["state"]) == ("transfer", "due"), "it goes back the way it came, by finance")
finance.post(f"/v1/refunds/{due['id']}/paid-out", {"reference": f"O{run}"})
check(payment(applicant, number)["state"] == "refunded", "who confirms that")
refused(404, applicant.get, f"/v1/cases/{number}/invoice")

# ---- Closed for correction, and filed anew ------------------------------------------------------

def close(number):
    service = office.who("service")
    service.call("PUT", f"/v1/cases/{number}/documents/statement?name=statement.png", raw=play.paper(f"{number}statement"))
    service.post(f"/v1/cases/{number}/close", {"remark": "年限填错"})


applicant, number, telephone, address = waiting_case(3)
order = office.pay(applicant, number)
office.await_state(applicant, number, "first-review")
close(number)
fields = office.fields("new", run + 3, handler_email=address)
again = office.filed(applicant, "new", fields, replaces=number)
office.await_state(applicant, again, "first-review")
taken = payment(applicant, again)
check((taken["state"], taken["received"]) == ("paid", amount), "a case that replaces another takes its payment over")
check(payment(applicant, number)["state"] == "transferred", "which the other has no more")
applicant.post(f"/v1/cases/{again}/withdraw")
until(lambda: payment(applicant, again)["state"] == "refunded", "given up in its turn, it is paid back")
gone = [r for r in world.call("GET", "/orders")["refunds"] if r["order"] == order]
check([r["amount"] for r in gone] == [amount], "once, by the order that was paid")

applicant, number, telephone, address = waiting_case(4)
order = office.pay(applicant, number)
office.await_state(applicant, number, "first-review")
close(number)
again = office.filed(applicant, "new", office.fields("new", run + 4, years="3", handler_email=address), replaces=number)
check(office.state_of(applicant, again) == "awaiting-payment", "one of another price is paid anew")
until(lambda: payment(applicant, number)["state"] == "refunded", "and the old payment goes back at once")

# ---- A device that is out --------------------------------------------------------------------------

applicant, number, telephone, address = waiting_case(5)
office.pay(applicant, number)
office.await_state(applicant, number, "first-review")
office.who("first").decide(number, "first-review")
serial = f"MONEY-{run}"
office.make(number, serial)
applicant.post(f"/v1/cases/{number}/withdraw")
[waiting] = refunds_of(number)
check(waiting["state"] == "waiting-device", "while the device is out nothing goes back")
office.who("clerk").post(f"/v1/devices/{serial}/state", {"to": "returned"})
until(lambda: payment(applicant, number)["state"] == "refunded", "once it is back, all of it does")

# ---- Reconciliation ------------------------------------------------------------------------------

china = datetime.timezone(datetime.timedelta(hours=8))
today = datetime.datetime.now(china).date()
yesterday = str(today - datetime.timedelta(days=1))
planted = ["payment", f"X{run}", "00000000-0000-4000-8000-000000000001", 123, f"{yesterday}T04:00:00Z"]
refused(409, finance.post, f"/v1/reconciliations/{today}")
world.call("POST", "/statement", {"day": yesterday, "add": [planted]})
check(not finance.post(f"/v1/reconciliations/{yesterday}")["is_matched"], "a payment that we do not have is found")
report = next(r for r in finance.get("/v1/reconciliations")["reconciliations"] if r["day"] == yesterday)
check(any(d["kind"] == "missing-here" and d["event_id"] == planted[1] for d in report["differences"]), "and reported")
world.call("POST", "/statement", {"day": yesterday})
finance.post(f"/v1/reconciliations/{yesterday}")
report = next(r for r in finance.get("/v1/reconciliations")["reconciliations"] if r["day"] == yesterday)
check(not any(d["event_id"] == planted[1] for d in report["differences"]), "done again, it is what is true now")
refused(403, applicant.get, "/v1/reconciliations")
