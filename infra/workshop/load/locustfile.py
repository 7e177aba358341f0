"""What locust runs: customers who pay, as many as the stages ask for. Its answers go to a file, a line of JSON each.

WORKSHOP_STAGES is a JSON list of pairs: seconds, payments a second. WORKSHOP_ANSWERS is the file.
"""

import json
import os
import random
import time
import uuid

import gevent
from locust import HttpUser, LoadTestShape, events, task

PACE = 0.5  # payments a second and customer: who waits for an answer longer than two seconds pays later
STAGES = json.loads(os.environ["WORKSHOP_STAGES"])
ANSWERS = open(os.environ["WORKSHOP_ANSWERS"], "a", buffering=1)  # noqa: SIM115 - as long as locust runs
BEGAN = time.time()


class Stages(LoadTestShape):
    """So many customers for so long, then others."""

    def tick(self) -> tuple[int, float] | None:
        """How many customers there are to be now; None ends the run."""
        since = self.get_run_time()
        for seconds, rate in STAGES:
            if since < seconds:
                customers = max(1, round(rate / PACE))
                return customers, customers
            since -= seconds
        return None


class Customer(HttpUser):
    """Pays again and again, each time on a new connection: a Service distributes connections."""

    def on_start(self) -> None:
        """Customers do not come all at the same moment."""
        gevent.sleep(random.uniform(0, 1 / PACE))  # noqa: S311
        self.due = time.time()

    def wait_time(self) -> float:
        """Until the next payment is due. (Locust's own pacing counts from a user's start: all would pay in step.)"""
        return max(0.0, self.due - time.time())

    @task
    def pay(self) -> None:
        """One payment."""
        self.due = max(self.due + 1 / PACE, time.time())
        body = {"card": f"card-{random.randrange(250):04d}", "terminal": "terminal-00001", "amount_cents": 4_200}  # noqa: S311
        headers = {"Idempotency-Key": uuid.uuid4().hex, "Connection": "close"}
        self.client.post("/payments", json=body, headers=headers, timeout=30)


@events.request.add_listener
def note(response_time: float, response: object, start_time: float, **_: object) -> None:
    """Write an answer down: when it was sent (seconds since the begin), how long it took (seconds), its HTTP status."""
    status = getattr(response, "status_code", 0) or 0
    ANSWERS.write(json.dumps({"at": start_time - BEGAN, "seconds": response_time / 1000, "status": status}) + "\n")
