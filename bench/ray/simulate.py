"""A model of replicas that draw batches from their queues; the router looks at two of them.

usage: simulate.py ALONE EACH [FRONT]    (seconds of a picture alone, of each further one of its batch, and for
which a request keeps the front from others)

Clients want a picture each, one after the other, as those of locustfile.py do.
"""

from __future__ import annotations

import heapq
import itertools
import random
import statistics
import sys
from collections import deque
from dataclasses import dataclass, field


@dataclass
class Service:
    """Seconds that a batch takes: `alone`, and `each` for every picture beyond the first."""

    alone: float
    each: float
    together: int = 4  # at most, as a CPU's queue takes along
    overhead: float = 0.005  # of router and HTTP, in which a replica may draw others
    front: float = 0  # of a request, for which all others wait: there is one front

    def seconds(self, batch: int) -> float:
        return self.alone + self.each * (batch - 1)


@dataclass
class Replica:
    line: deque[tuple[int, float]] = field(default_factory=deque)
    drawing: list[tuple[int, float]] = field(default_factory=list)

    @property
    def load(self) -> int:
        return len(self.line) + len(self.drawing)


@dataclass
class Outcome:
    per_second: float
    median: float
    p99: float


def simulate(service: Service, replicas: int, clients: int, seconds: float = 60) -> Outcome:
    chance = random.Random(7)
    all_replicas = [Replica() for _ in range(replicas)]
    events: list[tuple[float, int, str, int]] = []
    order = itertools.count()
    waits: list[float] = []
    asked_at = [0.0] * clients
    front_is_free = 0.0

    def at(time: float, kind: str, what: int) -> None:
        heapq.heappush(events, (time, next(order), kind, what))

    def begin(number: int, now: float) -> None:
        replica = all_replicas[number]
        if replica.drawing or not replica.line:
            return
        size = 1
        while size * 2 <= min(service.together, len(replica.line)):
            size *= 2  # the queue takes powers of two
        replica.drawing = [replica.line.popleft() for _ in range(size)]
        at(now + service.seconds(size) * chance.uniform(0.95, 1.05), "drawn", number)

    for client in range(clients):
        at(chance.uniform(0, service.alone), "asked", client)
    while events:
        now, _, kind, what = heapq.heappop(events)
        if now > seconds:
            break
        if kind == "asked":
            asked_at[what] = now
            front_is_free = max(now, front_is_free) + service.front
            at(front_is_free, "sent", what)
        elif kind == "sent":
            two = chance.sample(range(replicas), min(2, replicas))
            number = min(two, key=lambda one: all_replicas[one].load)
            all_replicas[number].line.append((what, asked_at[what]))
            begin(number, now)
        else:
            replica = all_replicas[what]
            for client, asked in replica.drawing:
                waits.append(now - asked + service.overhead)
                at(now + service.overhead, "asked", client)
            replica.drawing = []
            begin(what, now)
    waits.sort()
    return Outcome(
        len(waits) / seconds, statistics.median(waits), waits[int(0.99 * (len(waits) - 1))]
    )


def table(service: Service, clients_each: int = 8) -> str:
    rows = ["| GPUs | clients | pictures a second | of one, times | median s | p99 s |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    one = simulate(service, 1, clients_each).per_second
    for replicas in (1, 2, 10, 100):
        found = simulate(service, replicas, replicas * clients_each)
        rows.append(
            f"| {replicas} | {replicas * clients_each} | {found.per_second:.1f} | "
            f"{found.per_second / one:.1f} | {found.median:.3f} | {found.p99:.3f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    alone, each, *front = map(float, sys.argv[1:])
    print(table(Service(alone, each, front=sum(front))))
