"""
Kills signet-ra while money moves: money_under_kill.py STATE WORK
"""
import http.client
import os
import random
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sim"))
import play  # noqa: E402

CASES, KILLS = 8, 12
state, work = sys.argv[1:3]
office = play.Office(state, os.path.join(work, "devices"))
world = office.world


def fail(text):
    sys.exit(f"FAIL: {text}")


def check(holds, text):
    if not holds:
        fail(text)
    print(f"ok   {text}")


def pid_of(name):
    with open(os.path.join(state, "run", "supervisor.status"), encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words and words[0] == name and words[1].isdigit():
                return int(words[1])
    return None


def again(what, *args, wait_s=60):
    """While the service is away, until it is back."""
    until = time.monotonic() + wait_s
    while True:
        try:
            return what(*args)
        except (OSError, http.client.HTTPException) as error:
            problem = error
        except play.Refused as error:
            if error.status != 503:
                raise
            problem = error
        if time.monotonic() > until:
            fail(f"{what}: {problem}")
        time.sleep(0.2)


class Killer(threading.Thread):
    """Kills when something is under way; waits until it is back."""

    def __init__(self):
        super().__init__(daemon=True)
        self.kills, self.is_ending = 0, False

    def run(self):
        while not self.is_ending and self.kills < KILLS:
            time.sleep(random.uniform(0.1, 1.5))
            pid = pid_of("signet-ra")
            if pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                    self.kills += 1
                except ProcessLookupError:
                    pass

    def end(self):
        self.is_ending = True
        self.join()
        return self.kills


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

killer = Killer()
killer.start()
for number, order in orders.items():
    for part in (amount // 2, amount - amount // 2, amount):  # in two parts, then once more
        world.call("POST", f"/orders/{order}/pay", {"amount": part})
        time.sleep(random.uniform(0, 0.3))
kills = killer.end()
wait_for(lambda: all(money(n)[:2] == ("paid", 2 * amount) for n in applicants),
         f"all that came in counted, once, over {kills} kills")
check(all(again(office.state_of, a, n) == "first-review" for n, a in applicants.items()), "and every case went on")

killer = Killer()
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
