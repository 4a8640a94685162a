#!/usr/bin/env python3
"""What requests of one client take beyond drawing, by whom they ask: the web UI's API, OpenAI's, our own.

usage: overhead.py URL [REQUESTS [SIDE]]    (200 of each, 64 pixels a side)

Drawing is what the engine says its stages took of that very picture. Of the rest, what a picture's PNG takes (fetching
one less asking for a job's status) and what any answer takes (/health) are told beside it. The server should
keep as many jobs as are asked: at most 200.
"""
import base64
import json
import random
import socket
import statistics
import sys
import time
import urllib.parse


def photo(side):
    """Discs and noise, as a plain PPM in base64: nothing is needed to make it."""
    chance = random.Random(1)
    rows = [bytes(min(255, (180 if (x - side / 2) ** 2 + (y - side / 2) ** 2 < (side * c / 9) ** 2 else 40) + chance.getrandbits(4))
                  for x in range(side) for c in (2, 3, 4)) for y in range(side)]
    return base64.b64encode(f"P6 {side} {side} 255\n".encode() + b"".join(rows)).decode()


class Connection:
    """One that is kept. Less than http.client, whose own time would count as the server's."""

    def __init__(self, url):
        where = urllib.parse.urlsplit(url)
        self.host = where.netloc
        self.socket = socket.create_connection((where.hostname, where.port), timeout=600)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method, path, body=b""):
        """-> the answer's body; only of those that say how long it is, or come in chunks"""
        self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        head, _, found = self._until(b"\r\n\r\n").partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if b"content-length" in fields:
            while len(found) < int(fields[b"content-length"]):
                found += self._more()
        else:
            while not found.endswith(b"0\r\n\r\n"):
                found += self._more()
        assert head.split()[1][:1] == b"2", (head, found)
        return found

    def _more(self):
        found = self.socket.recv(1 << 16)
        if not found:
            raise ConnectionError("the server has closed the connection")
        return found

    def _until(self, end):
        found = b""
        while end not in found:
            found += self._more()
        return found


def submit(connection, body):
    """A job: submitted, watched to its end, fetched."""
    job = json.loads(connection.ask("POST", "/api/v1/jobs", body))["id"]
    connection.ask("GET", f"/api/v1/jobs/{job}/events")
    connection.ask("GET", f"/api/v1/jobs/{job}/images/0")


def measure(url, requests, side):
    """-> milliseconds of each request beyond its drawing, by endpoint; of an answer; of a picture's PNG"""
    connection = Connection(url)
    steers = {"alwayson_scripts": {"controlnet": {"args": [{"image": photo(side), "module": "canny"}]}}}
    ours = {"prompt": "a", "image": photo(side), "size": f"{side}x{side}", "steps": 1, "seed": 1}
    ways = {
        "/sdapi/v1/txt2img": ({"prompt": "a", "steps": 1, "seed": 1, "width": side, "height": side, **steers}, None),
        "/v1/images/generations": (ours, None),
        "/api/v1/jobs": (ours, submit),
    }
    spent = {name: [] for name in ways}

    def milliseconds_of(ask):
        begun = time.perf_counter()
        ask()
        return 1e3 * (time.perf_counter() - begun)

    for i in range(requests + 5):  # the first of which make the model ready
        for name, (fields, way) in ways.items():
            body = json.dumps(fields).encode()
            wall = milliseconds_of(lambda: way(connection, body) if way else connection.ask("POST", name, body))
            job = json.loads(connection.ask("GET", "/api/v1/jobs"))["jobs"][0]["id"]
            result = json.loads(connection.ask("GET", f"/api/v1/jobs/{job}/result"))
            if i >= 5:
                spent[name].append(wall - 1e3 * sum(result["seconds"].values()))
    answer = [milliseconds_of(lambda: connection.ask("GET", "/health")) for _ in range(requests)]
    status = [milliseconds_of(lambda: connection.ask("GET", f"/api/v1/jobs/{job}")) for _ in range(requests)]
    image = [milliseconds_of(lambda: connection.ask("GET", f"/api/v1/jobs/{job}/images/0")) for _ in range(requests)]
    return spent, answer, statistics.median(image) - statistics.median(status)


def table(spent, answer, png):
    lines = ["| | median ms | 10 % | 90 % |", "| --- | --- | --- | --- |"]
    for name, times in [*spent.items(), ("/health, whole", answer)]:
        tenths = statistics.quantiles(times, n=10)
        lines.append(f"| {name} | {statistics.median(times):.2f} | {tenths[0]:.2f} | {tenths[8]:.2f} |")
    return "\n".join([*lines, "", f"Of these a picture's PNG: {png:.2f} ms"])


if __name__ == "__main__":
    print(table(*measure(sys.argv[1], *(int(word) for word in (sys.argv[2:] + ["200", "64"][len(sys.argv) - 2:])))))
