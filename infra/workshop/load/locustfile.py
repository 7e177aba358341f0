"""The locust file: customers for each stage of a load, and one line of JSON per answer.

WORKSHOP_STAGES is a JSON list of pairs: seconds, payments per second. WORKSHOP_ANSWERS is the file.
"""

import json
import os
import random
import time
import uuid

import gevent
from locust import HttpUser, LoadTestShape, events, task

PACE = 0.5  # payments per second and customer; an answer after more than two seconds delays the next one
STAGES = json.loads(os.environ["WORKSHOP_STAGES"])
ANSWERS = open(os.environ["WORKSHOP_ANSWERS"], "a", buffering=1)  # noqa: SIM115 - as long as locust runs
BEGAN = time.time()


class Stages(LoadTestShape):
    """The number of customers for each stage."""

    def tick(self) -> tuple[int, float] | None:
        """Return the number of customers and the spawn rate for now; None ends the run."""
        since = self.get_run_time()
        for seconds, rate in STAGES:
            if since < seconds:
                customers = max(1, round(rate / PACE))
                return customers, customers
            since -= seconds
        return None


class Customer(HttpUser):
    """A customer who pays repeatedly, on new connections, because a Service distributes connections."""

    def on_start(self) -> None:
        """Wait for a random time, so that customers do not start at the same moment."""
        gevent.sleep(random.uniform(0, 1 / PACE))  # noqa: S311
        self.due = time.time()

    def wait_time(self) -> float:
        """Return the seconds until the next payment is due.

        Locust's own pacing counts from a user's start, so that all customers would pay in step.
        """
        return max(0.0, self.due - time.time())

    @task
    def pay(self) -> None:
        """Make one payment."""
        self.due = max(self.due + 1 / PACE, time.time())
        body = {"card": f"card-{random.randrange(250):04d}", "terminal": "terminal-00001", "amount_cents": 4_200}  # noqa: S311
        headers = {"Idempotency-Key": uuid.uuid4().hex, "Connection": "close"}
        self.client.post("/payments", json=body, headers=headers, timeout=30)


@events.request.add_listener
def note(response_time: float, response: object, start_time: float, **_: object) -> None:
    """Write an answer: send time (seconds since the start), duration (seconds), HTTP status (0: none)."""
    status = getattr(response, "status_code", 0) or 0
    ANSWERS.write(json.dumps({"at": start_time - BEGAN, "seconds": response_time / 1000, "status": status}) + "\n")
