"""A replica: one engine on one GPU, or on a share of the processors."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp  # type: ignore[import-not-found,unused-ignore]
from ray import serve  # type: ignore[import-not-found,unused-ignore]
from ray.util import metrics  # type: ignore[import-not-found,unused-ignore]

from .server import Server

#: Those of a connection, which say nothing of a request or an answer.
_OF_CONNECTION = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


@dataclass
class Answer:
    """Of HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes


def without_connection(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _OF_CONNECTION}


class Engine:
    """Answers requests as the single server does, which it has as a child."""

    def __init__(self, options: Sequence[str], drain_seconds: float) -> None:
        self._server = Server([*options, "--drain-seconds", str(int(drain_seconds))])
        self._drain_seconds = drain_seconds
        self._http: aiohttp.ClientSession | None = None
        self._drawn = metrics.Counter("drypoint_pictures", "Pictures drawn.", tag_keys=("api",))
        self._seconds = metrics.Histogram(
            "drypoint_request_seconds",
            "Of a request in its replica.",
            boundaries=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 300],
            tag_keys=("path",),
        )

    @property
    def _session(self) -> aiohttp.ClientSession:
        """Of the loop that requests are answered in."""
        if self._http is None:
            self._http = aiohttp.ClientSession(
                self._server.url, timeout=aiohttp.ClientTimeout(total=None), auto_decompress=False
            )
        return self._http

    @serve.multiplexed(max_num_models_per_replica=16)  # type: ignore[untyped-decorator,unused-ignore]
    async def models(self, name: str) -> str:
        """Notes that a model, with its adapters, is in memory here: requests for it come here.

        The server loads it with the request itself, and forgets those used longest ago.
        """
        return name

    async def _note_model(self) -> None:
        if name := serve.get_multiplexed_model_id():
            await self.models(name)

    async def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """What the server says; where the caller gives up, so does it."""
        await self._note_model()
        begun = time.perf_counter()
        async with self._session.request(method, path, headers=headers, data=body) as response:
            data = await response.read()
            self._seconds.observe(time.perf_counter() - begun, {"path": path.partition("?")[0]})
            if method == "POST" and response.status == 200:
                self._drawn.inc(1, {"api": path.split("/")[1]})
            return Answer(response.status, without_connection(response.headers), data)

    async def job(self, headers: dict[str, str], body: bytes) -> AsyncIterator[dict[str, Any]]:
        """Submits a job, and follows it.

        -> {"status": ...} at each change and, if it is done, {"result": ...}; or {"refused": ...}.
        """
        await self._note_model()
        async with self._session.post("/api/v1/jobs", headers=headers, data=body) as response:
            data = await response.read()
            if response.status != 202:
                yield {"refused": response.status, "body": data.decode(errors="replace")}
                return
        path = f"/api/v1/jobs/{json.loads(data)['id']}"
        try:
            async with self._session.get(f"{path}/events", headers=headers) as events:
                async for line in events.content:
                    if line.startswith(b"data: "):
                        status: dict[str, Any] = json.loads(line[6:])
                        yield {"status": status}
            if status["state"] == "done":
                async with self._session.get(f"{path}/result", headers=headers) as response:
                    yield {"result": await response.json()}
                self._drawn.inc(status["pictures"], {"api": "jobs"})
        except (GeneratorExit, asyncio.CancelledError):  # given up by its client
            async with self._session.delete(path, headers=headers):
                raise

    async def check_health(self) -> None:
        """Raises where the server is gone or silent, and the replica is replaced."""
        if not self._server.is_alive:
            raise RuntimeError("drypoint serve has ended")
        async with self._session.get("/health", timeout=aiohttp.ClientTimeout(10)) as response:
            response.raise_for_status()

    def __del__(self) -> None:
        if hasattr(self, "_server"):
            self._server.stop(self._drain_seconds)
