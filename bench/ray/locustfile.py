"""Clients that ask one after the other: locust -f locustfile.py --host URL Client (or Refused)"""

from __future__ import annotations

import random

import locust
from edges import EDGES


BODY = {"prompt": "a bird", "edges": EDGES, "steps": 8, "noise": "per-sample"}


class Client(locust.HttpUser):
    """Wants pictures."""

    @locust.task
    def draw(self) -> None:
        body = {**BODY, "seed": random.getrandbits(32)}
        self.client.post("/v1/images/generations", json=body)


class Refused(locust.HttpUser):
    """What goes all the way, but for drawing."""

    @locust.task
    def ask(self) -> None:
        body = {**BODY, "steps": 0}
        path = "/v1/images/generations"
        with self.client.post(path, json=body, catch_response=True) as answer:
            if answer.status_code == 400:
                answer.success()
