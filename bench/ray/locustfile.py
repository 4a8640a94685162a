"""Clients that want a picture each, one after the other: locust -f locustfile.py --host URL"""

from __future__ import annotations

import base64
import random

import locust


def frame(side: int = 64) -> str:
    """Edges, as a PGM in base64: nothing is needed to make it."""
    rows = [
        bytes(255 * (8 <= x < side - 8 and y in (8, side - 9)) for x in range(side))
        for y in range(side)
    ]
    return base64.b64encode(f"P5 {side} {side} 255\n".encode() + b"".join(rows)).decode()


EDGES = frame()


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
