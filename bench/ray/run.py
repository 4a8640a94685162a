"""One replica and two under locust, and the model of simulate.py beside them. Prints a table.

usage: run.py [SECONDS [OPTIONS OF drypoint serve ...]]
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


def under_load(url: str, clients: int) -> tuple[float, float, float]:
    """-> pictures a second, median and 99th percentile of the seconds"""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--headless", "--host", url, "-u", str(clients), "-r", str(clients)]
        arguments += ["-t", f"{seconds}s", "--csv", f"{folder}/a", "--only-summary"]
        command = [sys.executable, "-m", "locust", "-f", str(here / "locustfile.py"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(f"{folder}/a_stats.csv") as file:
            row = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
    assert row["Failure Count"] == "0", row
    return float(row["Requests/s"]), float(row["50%"]) / 1000, float(row["99%"]) / 1000


def measured_service() -> Service:
    """Of the engine itself, in this process."""
    pipeline = drypoint.Pipeline(options[1], device="cpu", threads=1)
    edges = base64.b64decode(EDGES)

    def time_of(count: int) -> float:
        times = []
        for seed in range(6):
            begun = time.perf_counter()
            pipeline.generate("a bird", edges=edges, steps=8, seed=seed, samples=count)
            times.append(time.perf_counter() - begun)
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
    print("\n" + table(service))


main()
