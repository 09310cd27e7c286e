"""
Kills signet-ra while money moves: money_under_kill.py STATE WORK
"""
import os
import random
import sys
import time

from killing import Killer, again, play
from judge import check, fail

CASES, KILLS = 8, 12
state, work = sys.argv[1:3]
office = play.Office(state, os.path.join(work, "devices"))
world = office.world


def money(number):
    payment = again(applicants[number].get, f"/v1/cases/{number}/payment")
    return payment["state"], payment["received"], payment["refunded"]


def wait_for(what, text, wait_s=240):
    until = time.monotonic() + wait_s
    while not what():
        if time.monotonic() > until:
            fail(f"{text}: {[(n, money(n)) for n in applicants]}")
        time.sleep(0.5)
    print(f"ok   {text}")


applicants, orders = {}, {}
for unit in range(CASES):
    account = f"killed-{unit}"
    office.unit(account, unit)
    applicant = play.Applicant(office, account)
    number = office.filed(applicant, "new", office.fields("new", unit))
    applicants[number] = applicant
    orders[number] = office.open_payment(applicant, number)["id"]
amount = again(applicants[number].get, f"/v1/cases/{number}/payment")["amount"]

killer = Killer(state, KILLS, (0.1, 1.5))
killer.start()
for number, order in orders.items():
    for part in (amount // 2, amount - amount // 2, amount):  # in two parts, then once more
        world.call("POST", f"/orders/{order}/pay", {"amount": part})
        time.sleep(random.uniform(0, 0.3))
kills = killer.end()
wait_for(lambda: all(money(n)[:2] == ("paid", 2 * amount) for n in applicants),
         f"all that came in counted, once, over {kills} kills")
check(all(again(office.state_of, a, n) == "first-review" for n, a in applicants.items()), "and every case went on")

killer = Killer(state, KILLS, (0.1, 1.5))
killer.start()
for number, applicant in applicants.items():
    if again(office.state_of, applicant, number) != "closed":
        try:
            again(applicant.post, f"/v1/cases/{number}/withdraw")
        except play.Refused as error:
            check(error.status == 409, f"{number}: withdrawn before the answer was lost")
    time.sleep(random.uniform(0, 0.3))
kills = killer.end()
wait_for(lambda: all(money(n) == ("refunded", 2 * amount, 2 * amount) for n in applicants),
         f"all of it is back, over {kills} kills")
refunds = world.call("GET", "/orders")["refunds"]
for order in orders.values():
    gone = sum(r["amount"] for r in refunds if r["order"] == order and r["state"] == "done")
    if gone != 2 * amount:
        fail(f"the provider paid back {gone} of {2 * amount} for {order}")
print("ok   and the provider paid back each fen once")
