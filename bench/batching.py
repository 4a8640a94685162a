#!/usr/bin/env python3
"""Pictures a second of a server's queue, one request at a time and from many clients at once, whose requests it draws
together; and how long one client waits for a picture of few steps, as when each stroke starts a new one.

usage: batching.py URL [REQUESTS [CLIENTS [HEIGHT WIDTH]]]    (64 of 16 clients, 256 384)

Prints one JSON object; times are by the clock, from a request's first byte to its picture's last.
"""
import json
import statistics
import sys
import threading
import time

import overhead

url = sys.argv[1]
requests, clients, height, width = (int(word) for word in (sys.argv[2:] + ["64", "16", "256", "384"][len(sys.argv) - 2:])[:4])
photo = overhead.photo(height)


def body(seed, **others):
    return json.dumps({"prompt": "a harbour", "image": photo, "size": f"{height}x{width}", "seed": seed, **others}).encode()


def seconds_of(bodies, at_once):
    """That so many clients take to have them all drawn."""
    left = list(bodies)

    def client():
        connection = overhead.Connection(url)
        while True:
            try:
                mine = left.pop()
            except IndexError:
                return
            overhead.submit(connection, mine)

    threads = [threading.Thread(target=client) for _ in range(at_once)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


bodies = [body(seed) for seed in range(requests)]
seconds_of(bodies, clients)  # makes every size of batch ready
alone, together = seconds_of(bodies, 1), seconds_of(bodies, clients)
few = [seconds_of([body(seed, steps=4, sampler="LCM", guidance_scale=1)], 1) for seed in range(25)][5:]
print(json.dumps({
    "pictures_per_second": {"one_at_a_time": requests / alone, f"{clients}_clients": requests / together},
    "gain": alone / together,
    "milliseconds_to_a_picture_of_4_steps": statistics.median(few) * 1e3}, indent=2))
