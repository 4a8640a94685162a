#!/usr/bin/env python3
"""Many clients at once that submit, wait, cancel, hang up and send nonsense; then an account of all of it.

usage: load.py URL [REQUESTS [CLIENTS]]    (1000 requests of 64 clients, after as many to warm up)

The server should take that many: `drypoint serve --queue 100000`. Ends with 1 if anything is not accounted for.
"""
import concurrent.futures
import http.client
import json
import multiprocessing
import random
import re
import socket
import statistics
import sys
import threading
import time
import urllib.parse

import overhead

url = urllib.parse.urlsplit(sys.argv[1])
requests, clients = (int(word) for word in (sys.argv[2:] + ["1000", "64"][len(sys.argv) - 2:])[:2])
host, port = url.hostname, url.port
side = 64
local = threading.local()


def edges():
    """A frame, as a plain PGM in base64: nothing is needed to make it."""
    import base64
    rows = [[255 if 9 < x < 54 and 9 < y < 54 and (x in (10, 53) or y in (10, 53)) else 0 for x in range(side)] for y in range(side)]
    return base64.b64encode(f"P5 {side} {side} 255\n".encode() + bytes(sum(rows, []))).decode()


picture = edges()


def ask(method, path, body=None):
    """-> status and body, over a connection that is kept"""
    for attempt in (0, 1):
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(host, port, timeout=600)
            local.connection.connect()
            local.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            local.connection.request(method, path, body if body is None or isinstance(body, bytes) else json.dumps(body))
            answer = local.connection.getresponse()
            return answer.status, answer.read()
        except (ConnectionError, http.client.HTTPException):
            del local.connection
            if attempt:
                raise


def metrics():
    text = ask("GET", "/metrics")[1].decode()
    return {key: float(value) for key, value in re.findall(r"^(drypoint_\S+) (\S+)$", text, re.M)}


def request(number):
    chance = random.Random(number)
    body = {"prompt": f"picture {number}", "edges": picture, "steps": chance.choice([1, 2, 2, 4]), "seed": number}
    kind = chance.choices(["wait", "cancel", "hang up", "nonsense"], [70, 10, 10, 10])[0]
    if kind == "nonsense":
        wrong = chance.choice([b"{", b"[" * 9999, b"\xff" * 99, json.dumps({"prompt": number}).encode(), json.dumps({**body, "steps": 0}).encode()])
        return kind, ask("POST", "/api/v1/jobs", wrong)[0]
    if kind == "hang up":
        text = json.dumps({**body, "steps": 20}).encode()
        with socket.create_connection((host, port)) as connection:
            connection.sendall(b"POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
            time.sleep(chance.random() * 0.2)
        return kind, 0
    status, text = ask("POST", "/api/v1/jobs", body)
    if status != 202:
        return kind, status
    job = json.loads(text)["id"]
    if kind == "cancel":
        time.sleep(chance.random() * 0.2)
        ask("DELETE", f"/api/v1/jobs/{job}")
    for line in ask("GET", f"/api/v1/jobs/{job}/events")[1].decode().split("\n\n"):
        last = line.split("\n")[0] if line else last
    return kind, last.removeprefix("event: ")


def watch(times, stop):
    """/health all the while, in a process of its own: the clients' threads would count as the server's time."""
    found = []
    while not stop.is_set():
        begun = time.monotonic()
        ask("GET", "/health")
        found.append(time.monotonic() - begun)
        time.sleep(0.02)
    times.put(found)


def memory_after(count):
    """What the process has once nothing is left to do."""
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        results = list(pool.map(request, count))
    while metrics()["drypoint_pictures_in_work"] > 0:
        time.sleep(0.1)
    time.sleep(11)  # until it has given back what it does not need
    return results, metrics()["drypoint_resident_bytes"]


before = metrics()
times, stop = multiprocessing.Queue(), multiprocessing.Event()
watcher = multiprocessing.Process(target=watch, args=(times, stop))
watcher.start()
begun = time.monotonic()
warm = memory_after(range(requests))
rest = memory_after(range(requests, 2 * requests))
seconds = time.monotonic() - begun
stop.set()
times = times.get()
watcher.join()
after = metrics()
print("Milliseconds of a request beyond drawing:\n" + overhead.table(*overhead.measure(sys.argv[1], 30, side)))

counts = {}
for one in warm[0] + rest[0]:
    counts[one] = counts.get(one, 0) + 1
for (kind, end), count in sorted(counts.items(), key=str):
    print(f"{count:6}  {kind:9} {end or 'not waited for'}")
drawn = {state: after.get(f'drypoint_pictures_total{{state="{state}"}}', 0) - before.get(f'drypoint_pictures_total{{state="{state}"}}', 0)
         for state in ("done", "cancelled", "failed")}
print(f"{2 * requests / seconds:.1f} requests a second; pictures: " + ", ".join(f"{count:.0f} {state}" for state, count in drawn.items()))
print(f"/health: {1e3 * statistics.median(times):.1f} ms, 99 % {1e3 * statistics.quantiles(times, n=100)[98]:.1f} ms, of {len(times)}")
growth = rest[1] / warm[1] - 1
print(f"memory: {warm[1] / 2**20:.1f} MiB when warm, {rest[1] / 2**20:.1f} MiB at the end: {100 * growth:+.1f} %")

waited = {end for (kind, end) in counts if kind == "wait"}
bad = [pair for pair in counts if pair[0] == "nonsense" and pair[1] != 400 or pair[0] == "cancel" and pair[1] not in ("done", "cancelled")]
asked = sum(count for (kind, _), count in counts.items() if kind != "nonsense")
told = sum(drawn.values())
hung_up = counts.get(("hang up", 0), 0)
if waited != {"done"} or bad or not asked - hung_up <= told <= asked or drawn["failed"]:
    sys.exit(f"not accounted for: waited {waited}, {bad}, {told:.0f} pictures for {asked} requests ({hung_up} hung up)")
print("all accounted for")
