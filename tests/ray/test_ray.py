from __future__ import annotations

import asyncio
import base64
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import ray
from conftest import PORT, replicas, settings
from ray import serve

from drypoint.ray import application

URL = f"http://127.0.0.1:{PORT}"


def job(edges: str, **fields: Any) -> dict[str, Any]:
    return {"prompt": "a bird", "edges": edges, "steps": 4, "seed": 1, **fields}


def drawn(client: httpx.Client, body: dict[str, Any]) -> str:
    """The picture of a job, in base64."""
    answer = client.post("/api/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    path = f"/api/v1/jobs/{answer.json()['id']}"
    state = ""
    with client.stream("GET", f"{path}/events") as events:
        for line in events.iter_lines():
            if line.startswith("event: "):
                state = line[7:]
    assert state == "done", client.get(path).text
    result = client.get(f"{path}/result").json()
    first: str = result["images"][0]
    assert client.get(f"{path}/images/0").content == base64.b64decode(first)
    return first


def test_speaks_the_servers_api(client: httpx.Client, edges: str) -> None:
    assert client.get("/ready").json() == {"status": "ready"}
    assert client.get("/v1/models").json()["data"]
    assert "DDIM" in client.get("/api/v1/info").text
    assert client.get("/").headers["content-type"].startswith("text/html")
    first = drawn(client, job(edges))
    assert drawn(client, job(edges)) == first
    body = {"prompt": "a bird", "edges": edges, "steps": 4, "seed": 1}
    answer = client.post("/v1/images/generations", json=body).json()
    assert answer["data"][0]["b64_json"] == first
    unit = {"image": edges, "module": "none", "enabled": True}
    web = client.post(
        "/sdapi/v1/txt2img",
        json={
            "prompt": "a bird",
            "steps": 2,
            "width": 64,
            "height": 64,
            "alwayson_scripts": {"controlnet": {"args": [unit]}},
        },
    )
    assert web.status_code == 200, web.text
    assert web.json()["images"]


def test_refuses_as_the_server_does(client: httpx.Client, edges: str) -> None:
    wrong = client.post("/api/v1/jobs", json=job(edges, steps=0))
    assert (wrong.status_code, "steps" in wrong.text) == (400, True)
    assert client.post("/api/v1/jobs", content=b"{").status_code == 400
    assert client.get("/api/v1/jobs/nothing").status_code == 404
    assert client.get("/sdapi/v1/progress").status_code == 501
    assert client.get("/nowhere").status_code == 404


def test_jobs_are_given_up(client: httpx.Client, edges: str) -> None:
    long = {"prompt": "a bird", "image": edges, "resolution": 512, "steps": 150}
    accepted = client.post("/api/v1/jobs", json=long)
    path = f"/api/v1/jobs/{accepted.json()['id']}"
    given_up = client.delete(path).json()
    assert given_up["state"] == "cancelled", given_up
    assert client.get(f"{path}/result").status_code == 409
    assert drawn(client, job(edges))


def test_a_replica_is_killed_in_the_middle(client: httpx.Client, edges: str) -> None:
    expected = {seed: drawn(client, job(edges, seed=seed)) for seed in range(4)}
    with ThreadPoolExecutor(16) as threads:

        def draw(i: int) -> bool:
            with httpx.Client(base_url=URL, timeout=120) as own:
                return drawn(own, job(edges, seed=i % 4)) == expected[i % 4]

        pictures = [threads.submit(draw, i) for i in range(120)]
        time.sleep(1)
        assert not all(picture.done() for picture in pictures)
        ray.kill(replicas()[0], no_restart=True)
        assert all(picture.result() for picture in pictures)
    deadline = time.monotonic() + 60
    while len(replicas()) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(replicas()) == 2


def test_a_rolling_update_loses_nothing(client: httpx.Client, edges: str) -> None:
    expected = drawn(client, job(edges))
    before = {replica._actor_id for replica in replicas()}

    async def draw_on(stop: asyncio.Event) -> int:
        count = 0
        async with httpx.AsyncClient(base_url=URL, timeout=120) as own:
            body = {"prompt": "a bird", "edges": edges, "steps": 4, "seed": 1}
            while not stop.is_set():
                answer = await own.post("/v1/images/generations", json=body)
                assert answer.status_code == 200, answer.text
                assert answer.json()["data"][0]["b64_json"] == expected
                count += 1
        return count

    async def main() -> int:
        stop = asyncio.Event()
        clients = [asyncio.create_task(draw_on(stop)) for _ in range(4)]
        options = settings().options
        changed = application(settings(options=(*options, "--max-steps", "140")))
        await asyncio.to_thread(serve.run, changed)
        stop.set()
        return sum(await asyncio.gather(*clients))

    assert asyncio.run(main()) > 4
    assert before.isdisjoint(replica._actor_id for replica in replicas())
    assert client.post("/api/v1/jobs", json=job(edges, steps=150)).status_code == 413


def test_metrics(client: httpx.Client, edges: str) -> None:
    drawn(client, job(edges))
    deadline = time.monotonic() + 30
    text = ""
    while "drypoint_pictures" not in text and time.monotonic() < deadline:
        text = httpx.get(f"http://127.0.0.1:{PORT + 1}/metrics").text
        time.sleep(0.5)
    assert "drypoint_pictures" in text
    assert "serve_" in text
