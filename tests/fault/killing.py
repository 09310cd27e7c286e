"""What the fault tests of the registration authority share: faults, and patience with them."""
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
from judge import fail  # noqa: E402

LOST = (OSError, http.client.HTTPException)  # what TLS and sockets raise among them


def pid_of(state, name):
    with open(os.path.join(state, "run", "supervisor.status"), encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words and words[0] == name and words[1].isdigit():
                return int(words[1])
    return None


def again(act, *args, wait_s=90, **named):
    """While the service is away, until it is back."""
    until = time.monotonic() + wait_s
    while True:
        try:
            return act(*args, **named)
        except LOST as error:
            problem = error
        except play.Refused as error:
            if error.status != 503:
                raise
            problem = error
        if time.monotonic() > until:
            fail(f"{act}: {problem}")
        time.sleep(0.2)


def brought(is_done, act, *args, wait_s=120, **named):
    """Acts until it is done: an answer that was lost may have been a yes, so
    that the same again is a conflict."""
    until = time.monotonic() + wait_s
    while not again(is_done):
        try:
            again(act, *args, **named)
        except play.Refused as error:
            if error.status != 409 or time.monotonic() > until:
                raise
            time.sleep(0.2)


class Killer(threading.Thread):
    """Kills signet-ra at moments that nobody knows; each time it is back first."""

    def __init__(self, state, kills, pause_s=(0.2, 1.5)):
        super().__init__(daemon=True)
        self.state, self.left, self.pause_s, self.done = state, kills, pause_s, 0
        self.is_ending = False

    def run(self):
        last = None
        while self.left and not self.is_ending:
            time.sleep(random.uniform(*self.pause_s))
            pid = pid_of(self.state, "signet-ra")
            if not pid or pid == last:
                continue
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            last = pid
            self.left -= 1
            self.done += 1

    def end(self):
        """No more of it; how many there were."""
        self.is_ending = True
        self.join()
        return self.done
