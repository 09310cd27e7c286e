"""
signet-ca is silent or killed, or signet-ra is, between the decision and the CA's
answer: ca_away_from_ra.py STATE WORK
"""
import os
import signal
import sys
import threading
import time

from killing import again, pid_of, play
from judge import Sql, check

state, work = sys.argv[1:3]
office = play.Office(state, os.path.join(work, "devices"))
sql = Sql(office)


def silence():
    os.kill(pid_of(state, "signet-ca"), signal.SIGSTOP)


def late():
    os.kill(pid_of(state, "signet-ca"), signal.SIGCONT)


def ca_dies():
    os.kill(pid_of(state, "signet-ca"), signal.SIGKILL)


def ra_dies():
    os.kill(pid_of(state, "signet-ra"), signal.SIGKILL)
    late()


def orders(number, purpose):
    return f"SELECT string_agg(state, ' ') FROM ra.case_order WHERE number = '{number}' AND purpose = '{purpose}'"


def into_silence(act, is_asked, fault):
    """Somebody acts while signet-ca is silent; then the fault, and its end. What
    the caller was told meanwhile does not count: 503, or nothing."""
    def patiently():
        try:
            act()
        except Exception as error:  # whatever became of the answer
            print(f"     told meanwhile: {error}", flush=True)

    time.sleep(5.5)  # what the RA knew is too old, so that it asks anew:
    for name in ("first", "second"):  # it knows its officers for the next seconds
        office.who(name).get("/v1/queue/counts")
    silence()
    caller = threading.Thread(target=patiently)
    caller.start()
    try:
        sql.until(*is_asked, wait_s=30)
    finally:
        fault()
    return caller


def activation(unit, account, fault):
    office.unit(account, unit)
    applicant = play.Applicant(office, account)
    number = office.filed(applicant, "new", office.fields("new", unit, seal="no", seals="[]"))
    office.pay(applicant, number)
    office.await_state(applicant, number, "first-review")
    office.who("first").decide(number, "first-review")
    key = office.make(number, f"AWAY-{unit}")
    office.receive(number)
    office.who("second").decide(number, "second-review")
    code = office.world.code_for(play.mobile(unit), r"激活码：([A-Z0-9]{12})", about=number)
    state_of = f"SELECT state FROM ra.case_file WHERE number = '{number}'"
    caller = into_silence(lambda: key.activate(code, "Sesame-2026"), (state_of, "issuing"), fault)
    sql.until(state_of, "activated")
    caller.join()
    if not key.has("cert.pem"):
        again(key.activate, code, "Sesame-2026")
    check(sql(f"SELECT count(*) FROM ca.certificate WHERE account = '{account}' AND state <> 'void'") == "2",
          f"{fault.__name__}: activated with one pair")
    check(sql(f"SELECT count(*) FROM ra.case_history WHERE number = '{number}' AND"
              " convert_from(body, 'UTF8') LIKE '%ca-refused%'") == "0", "and never called refused")
    check(applicant.get(f"/v1/cases/{number}/certificate").startswith(b"-----BEGIN"), "the applicant has it")
    again(office.bind, account, applicant)
    return applicant


def hold(applicant, unit, fault):
    number = office.filed(applicant, "revoke", office.fields("revoke", unit))
    first = office.who("first")
    caller = into_silence(lambda: first.decide(number, "first-review"),
                          (f"SELECT count(*) FROM ra.case_order WHERE number = '{number}' AND purpose = 'hold'", "1"), fault)
    sql.until(orders(number, "hold"), "done")
    caller.join()
    check(again(office.state_of, applicant, number) == "awaiting-originals", f"{fault.__name__}: held, and the originals are waited for")
    check(sql(f"SELECT state FROM ra.holder_certificate WHERE account = '{applicant.account}' AND pair = 1") == "held",
          "the certificate is on hold")
    check(sql(f"SELECT count(*) FROM ra.case_decision WHERE number = '{number}' AND step = 'first-review'") == "1",
          "by one decision")
    return number


def revocation(applicant, number, fault):
    office.receive(number)
    second = office.who("second")
    caller = into_silence(lambda: second.decide(number, "second-review"),
                          (f"SELECT state FROM ra.case_file WHERE number = '{number}'", "revoking"), fault)
    sql.until(f"SELECT state FROM ra.case_file WHERE number = '{number}'", "revoked")
    caller.join()
    check(sql(orders(number, "revoke")) == "done", f"{fault.__name__}: revoked by one order")
    check(sql(f"SELECT state FROM ra.holder_certificate WHERE account = '{applicant.account}' AND pair = 1") == "revoked",
          "the certificate is revoked")


for unit, fault in enumerate((late, ca_dies, ra_dies), 70001):
    applicant = activation(unit, f"away-{unit}", fault)
    number = hold(applicant, unit, fault)
    revocation(applicant, number, fault)
check(sql("SELECT count(*) FROM log.entry WHERE event LIKE '%refused%' AND subject LIKE 'N%'") == "0", "nothing was refused")
sql.histories_are_chains()
