"""People of the key management centre with the command line: `signet kmc ...`."""
import json
import os
import subprocess
import time

from judge import fail

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Folder of credentials, personnel number, role (config/launch/up.sh).
RA_OFFICER = ("first", "P-0004", "ra-officer")
OPERATORS = [(f"kmc-{n}", f"P-001{n}", "operator") for n in range(1, 6)]


class Centre:
    def __init__(self, state):
        self.state = state

    def signet(self, *args):
        """Exit status and what it says."""
        done = subprocess.run([os.path.join(SOURCE, "signet"), *args, "--state", self.state], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def as_officer(self, verb, *args, who="kmc-1"):
        status, said = self.signet("kmc", verb, *args, "--officer", os.path.join(self.state, "officers", who))
        return json.loads(said) if status == 0 else None

    def cases_of(self, holder, *states):
        listed = self.as_officer("cases") or {"cases": []}
        return [one for one in listed["cases"] if one["body"].get("holder") == holder and one["state"] in states]

    def open_case(self, holder, wait_s=30):
        """The one that waits for decisions about this holder's keys."""
        until = time.monotonic() + wait_s
        while not (found := self.cases_of(holder, "open")):
            if time.monotonic() > until:
                fail(f"no case of {holder} at the key management centre")
            time.sleep(0.2)
        return found[0]["case"]

    def decide(self, case, *people, verdict="approve"):
        """Whether the centre took all of these decisions."""
        return all([self.as_officer(verdict, case, "--name", name, "--as", role, who=who) is not None
                    for who, name, role in people])

    def state_of(self, case):
        shown = self.as_officer("show", case)
        return shown["state"] if shown else None

    def await_state(self, case, state, wait_s=30):
        until = time.monotonic() + wait_s
        while (found := self.state_of(case)) != state:
            if time.monotonic() > until:
                fail(f"case {case} is {found} at the centre and not {state}")
            time.sleep(0.2)

    def recovered(self, holder):
        """An officer and three operators agree upon what waits for this holder."""
        case = self.open_case(holder)
        if not self.decide(case, RA_OFFICER, *OPERATORS[:3]):
            fail(f"the centre does not take the decisions on {case}")
        self.await_state(case, "done")
        return case
