"""Two replicas on this machine's processors, with the tiny model."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import PIL.Image
import pytest
import ray
from ray import serve

from drypoint.ray import Settings, application

# Where all processors are busy Ray's proxy takes longer to begin than the usual 5 seconds.
os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")

PORT = 8421
MODEL = tuple(os.environ.get("DRYPOINT_MODEL", "-m random:tiny").split())


def settings(**changes: Any) -> Settings:
    return Settings(
        **{
            "options": (*MODEL, "--threads", "1"),
            "replicas": (2, 2),
            "cpus": 0.5,
            "health_seconds": 2,
            "drain_seconds": 20,
            **changes,
        }
    )


@pytest.fixture(scope="session")
def running() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, _metrics_export_port=PORT + 1)
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    serve.run(application(settings()))
    yield
    serve.shutdown()
    ray.shutdown()


@pytest.fixture
def client(running: None) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=120) as client:
        yield client


@pytest.fixture(scope="session")
def edges() -> str:
    """A frame, as a PNG in base64."""
    lines = np.zeros((64, 64), np.uint8)
    lines[8:56, (8, 55)] = lines[(8, 55), 8:56] = 255
    buffer = io.BytesIO()
    PIL.Image.fromarray(lines).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def replicas() -> list[Any]:
    """Handles of the engines' actors."""
    actors = ray.util.list_named_actors(all_namespaces=True)
    found = [actor for actor in actors if "#Engine#" in actor["name"]]
    return [ray.get_actor(actor["name"], namespace=actor["namespace"]) for actor in found]
