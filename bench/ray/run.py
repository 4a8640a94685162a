"""One replica and two under locust, and the model of simulate.py beside them. Prints a table.

usage: run.py [SECONDS [OPTIONS OF drypoint serve ...]]    (SIDE in the environment: of a picture, 64)
"""

from __future__ import annotations

import base64
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ray
from edges import EDGES
from ray import serve
from simulate import Service, simulate, table

import drypoint
from drypoint.ray import Settings, application

PORT = 8431
URL = f"http://127.0.0.1:{PORT}"
seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
options = tuple(sys.argv[2:]) or ("-m", "random:tiny", "--threads", "1")
here = Path(__file__).parent


def under_load(url: str, clients: int, what: str = "Client") -> tuple[float, float, float]:
    """-> requests a second, median and 99th percentile of the seconds"""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--headless", "--host", url, "-u", str(clients), "-r", str(clients)]
        arguments += ["-t", f"{seconds}s", "--csv", f"{folder}/a", "--only-summary", what]
        command = [sys.executable, "-m", "locust", "-f", str(here / "locustfile.py"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(f"{folder}/a_stats.csv") as file:
            row = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
    assert row["Failure Count"] == "0", row
    return float(row["Requests/s"]), float(row["50%"]) / 1000, float(row["99%"]) / 1000


def measured_service() -> Service:
    """Of the engine itself, in this process: its queue, with previews as the server wants them."""
    queue = drypoint.Queue(drypoint.Model(options[1], device=drypoint.Device("cpu", threads=1)))
    edges = base64.b64decode(EDGES)

    def push(seed: int) -> drypoint.Job:
        return queue.push(
            "a bird",
            edges=edges,
            steps=8,
            seed=seed,
            noise="per-sample",
            preview=lambda _: None,
            preview_steps=2,
        )

    def time_of(count: int) -> float:
        """Of as many that are taken together: those that wait while another is drawn."""
        times = []
        for _ in range(6):
            first = push(0)
            while first.state == "waiting":
                time.sleep(0)
            jobs = [push(seed) for seed in range(count)]
            first.result()
            begun = time.perf_counter()
            for job in jobs:
                job.result()
            times.append(time.perf_counter() - begun)
            assert {job.together for job in jobs} == {count}
        return statistics.median(times)

    alone = time_of(1)
    return Service(alone, (time_of(4) - alone) / 3)


def main() -> None:
    service = measured_service()
    print(
        f"The engine: {service.alone:.4f} s alone, {service.each:.4f} s each further of a batch.\n"
    )
    ray.init(num_cpus=2, include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    print("| replicas | clients | pictures a second | median s | p99 s | as the model has it |")
    print("| --- | --- | --- | --- | --- | --- |")
    for replicas in (1, 2):
        settings = Settings(options=options, replicas=(replicas, replicas), cpus=0.5)
        serve.run(application(settings))
        if replicas == 1:
            service.front = 1 / under_load(URL, 16, "Refused")[0]
            # What one client waits beyond that and drawing.
            service.overhead = under_load(URL, 1)[1] - service.alone - service.front
            service.overhead = max(0.0, service.overhead)
        clients = 8 * replicas
        rate, median, p99 = under_load(URL, clients)
        expected = simulate(service, replicas, clients)
        print(
            f"| {replicas} | {clients} | {rate:.1f} | {median:.3f} | {p99:.3f} | "
            f"{expected.per_second:.1f} |",
            flush=True,
        )
    serve.shutdown()
    ray.shutdown()
    print(
        f"\nOf a request the front takes {service.front:.4f} s, in which it takes no other, and "
        f"{service.overhead:.4f} s are spent elsewhere beyond drawing. By the model:\n"
    )
    print(table(service))


main()
