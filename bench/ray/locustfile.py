"""Clients that want a picture each, one after the other: locust -f locustfile.py --host URL"""

from __future__ import annotations

import random

import locust
from edges import EDGES


class Client(locust.HttpUser):
    @locust.task
    def draw(self) -> None:
        self.client.post(
            "/v1/images/generations",
            json={
                "prompt": "a bird",
                "edges": EDGES,
                "steps": 8,
                "seed": random.getrandbits(32),
                "noise": "per-sample",
            },
        )
