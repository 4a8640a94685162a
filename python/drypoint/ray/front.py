"""What is in front of the replicas: the HTTP API of the single server."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from ray import exceptions  # type: ignore[import-not-found,unused-ignore]
from ray.serve import handle  # type: ignore[import-not-found,unused-ignore]
from ray.serve.exceptions import RequestCancelledError  # type: ignore[import-not-found,unused-ignore]
from starlette.requests import Request  # type: ignore[import-not-found,unused-ignore]
from starlette.responses import JSONResponse, Response, StreamingResponse  # type: ignore[import-not-found,unused-ignore]

from .engine import Answer, without_connection
from .routing import model_of, with_id, with_seed

#: Jobs that have ended and are still known.
KEPT_JOBS = 200
#: Replicas that may be lost under one request.
TRIES = 3

#: What one server knows of its own clients alone.
_OF_ONE_SERVER = {
    "/sdapi/v1/interrupt",
    "/sdapi/v1/progress",
    "/sdapi/v1/skip",
}
_ENDED = {"done", "failed", "cancelled"}


@dataclass
class Job:
    """As its replica last told of it."""

    client: str
    status: dict[str, Any]
    result: dict[str, Any] | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: asyncio.Task[None] | None = None

    @property
    def has_ended(self) -> bool:
        return self.status["state"] in _ENDED

    async def tell(self, **changes: Any) -> None:
        async with self.changed:
            self.status = {**self.status, **changes}
            self.changed.notify_all()


class Front:
    """Sends each request to a replica, and again to another where that was lost.

    Requests get a seed before, so that they are drawn the same wherever they are.
    """

    def __init__(self, engines: handle.DeploymentHandle) -> None:
        self._engines = engines
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    async def __call__(self, request: Request) -> Response:
        path = request.url.path
        if path in {"/health", "/ready"}:
            return JSONResponse({"status": "ok" if path == "/health" else "ready"})
        if path in _OF_ONE_SERVER or (path == "/sdapi/v1/options" and request.method == "POST"):
            return _refusal(501, f"{path}: is a single server's, of which there are several here")
        if path.startswith("/api/v1/jobs"):
            return await self._answer_jobs(request, path.split("/")[4:])
        body = await request.body()
        if request.method == "POST":
            body = with_seed(path, request.headers.get("content-type", ""), body)
        target = f"{path}?{request.url.query}" if request.url.query else path
        answer = await self._answer(
            request.method, target, without_connection(request.headers), body
        )
        return Response(answer.body, answer.status, answer.headers)

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        engines = self._engines.options(multiplexed_model_id=model_of(body))
        for left in reversed(range(TRIES)):
            try:
                answer: Answer = await engines.answer.remote(method, path, headers, body)
                return answer
            except (exceptions.RayActorError, ConnectionError):
                if left == 0:
                    raise
        raise AssertionError

    async def _answer_jobs(self, request: Request, rest: list[str]) -> Response:
        client = request.headers.get("authorization", "")
        if not rest and request.method == "POST":
            return await self._submit(request, client)
        if not rest:
            own = [job.status for job in reversed(self._jobs.values()) if job.client == client]
            return JSONResponse({"jobs": own})
        job = self._jobs.get(rest[0])
        if job is None or job.client != client:
            return _refusal(404, f"job: there is no {rest[0][:64]}")
        if request.method == "DELETE" and len(rest) == 1:
            if job.task is not None and not job.has_ended:
                job.task.cancel()
                await asyncio.wait([job.task])
            return JSONResponse(job.status)
        if request.method != "GET":
            return _refusal(405, f"{request.method}: expected GET")
        if len(rest) == 1:
            return JSONResponse(job.status)
        if rest[1] == "events":
            return StreamingResponse(_events(job), media_type="text/event-stream")
        return _part_of_result(job, rest[1:], request.query_params.get("format", "png"))

    async def _submit(self, request: Request, client: str) -> Response:
        body = with_id(with_seed("/api/v1/jobs", "application/json", await request.body()))
        accepted: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(
            self._draw(without_connection(request.headers), body, client, accepted)
        )
        answer = await accepted
        if answer.status_code == 202:
            job = self._jobs[json.loads(bytes(answer.body))["id"]]
            job.task = task
        return answer

    async def _draw(
        self, headers: dict[str, str], body: bytes, client: str, accepted: asyncio.Future[Response]
    ) -> None:
        """Follows a job to its end, from replica to replica."""
        engines = self._engines.options(stream=True, multiplexed_model_id=model_of(body))
        job: Job | None = None
        story = None
        try:
            for left in reversed(range(TRIES)):
                try:
                    story = engines.job.remote(headers, body)
                    async for told in story:
                        if "refused" in told:
                            await _refuse(job, told, accepted)
                        elif "result" in told:
                            assert job is not None
                            job.result = told["result"]
                            await job.tell(state="done", progress=1.0)
                        elif job is None:
                            job = self._accept(client, told["status"])
                            accepted.set_result(JSONResponse(job.status, 202))
                        elif told["status"]["state"] != "done":  # its result is still to come
                            await job.tell(**told["status"])
                    return
                except (exceptions.RayActorError, ConnectionError):
                    if left == 0:
                        raise
        except (asyncio.CancelledError, RequestCancelledError):
            if story is not None:
                story.cancel()
            if job is not None:
                await job.tell(state="cancelled", error="cancelled")
            raise
        except Exception as error:
            if job is not None:
                await job.tell(state="failed", error=str(error))
            elif not accepted.done():
                accepted.set_result(_refusal(503, str(error)))

    def _accept(self, client: str, status: dict[str, Any]) -> Job:
        job = self._jobs[status["id"]] = Job(client, status)
        for name in [name for name, one in self._jobs.items() if one.has_ended][:-KEPT_JOBS]:
            del self._jobs[name]
        return job


async def _refuse(
    job: Job | None, told: dict[str, Any], accepted: asyncio.Future[Response]
) -> None:
    """What was accepted before fails then, as another replica would not have it."""
    if job is not None:
        await job.tell(state="failed", error=told["body"])
    else:
        accepted.set_result(Response(told["body"], told["refused"], media_type="application/json"))


async def _events(job: Job) -> AsyncIterator[str]:
    told: dict[str, Any] | None = None
    while told is None or told["state"] not in _ENDED:
        async with job.changed:
            while job.status is told:
                await job.changed.wait()
            told = job.status
        event = told["state"] if told["state"] in _ENDED else "status"
        yield f"event: {event}\ndata: {json.dumps(told)}\n\n"


def _part_of_result(job: Job, rest: list[str], picture_format: str) -> Response:
    if job.result is None:
        return _refusal(409, f"job: is {job.status['state']}, expected done")
    if rest == ["result"]:
        return JSONResponse(job.result)
    if picture_format != "png":
        return _refusal(422, f"format: {picture_format[:16]!r}, expected png")
    pictures = job.result["images"]
    if rest == ["edges"] and "edges" in job.result:
        return Response(base64.b64decode(job.result["edges"]), media_type="image/png")
    if len(rest) == 2 and rest[0] == "images" and rest[1] in map(str, range(len(pictures))):
        return Response(base64.b64decode(pictures[int(rest[1])]), media_type="image/png")
    return _refusal(404, f"job: has no {'/'.join(rest)[:64]}")


def _refusal(status: int, message: str) -> Response:
    kind = "bad_argument" if status < 500 else "unsupported" if status == 501 else "device_failure"
    return JSONResponse({"error": {"kind": kind, "message": message}}, status)
