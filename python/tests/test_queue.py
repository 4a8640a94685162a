from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drypoint

Edges = np.ndarray[Any, Any]


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_eight_threads_draw_what_one_would(pipeline: drypoint.Pipeline, edges: Edges) -> None:
    def alone(seed: int) -> bytes:
        return pipeline.generate("a bird", edges=edges, steps=2, seed=seed).arrays[0].tobytes()

    expected = {seed: alone(seed) for seed in range(8)}
    with drypoint.Queue(pipeline) as queue, ThreadPoolExecutor(8) as threads:

        def draw(i: int) -> None:
            seen: list[str] = []
            job = queue.push(
                "a bird", edges=edges, steps=2, seed=i % 8, progress=lambda p: seen.append(p.stage)
            )
            assert job.result().arrays[0].tobytes() == expected[i % 8]
            assert job.state == "done"
            assert seen[-1] == "decode"

        list(threads.map(draw, range(40)))
        before = resident_bytes()
        list(threads.map(draw, range(160)))
        assert resident_bytes() - before < 16 << 20  # a picture's own is 9 KiB, an executor's MiB


def test_each_job_for_itself(pipeline: drypoint.Pipeline, edges: Edges) -> None:
    with drypoint.Queue(pipeline, together=2) as queue:
        begun = threading.Event()
        long = queue.push(edges=edges, steps=999, progress=lambda _: begun.set())
        assert begun.wait(60)
        waiting = queue.push(edges=edges, steps=2)
        assert (waiting.state, waiting.place, queue.waiting) == ("waiting", 1, 1)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.01)
        assert not waiting.wait(0)
        waiting.cancel()
        with pytest.raises(drypoint.Cancelled):
            waiting.result()
        long.cancel()
        with pytest.raises(drypoint.Cancelled):
            long.result()
        wrong = queue.push(edges=edges, low_threshold=300)
        with pytest.raises(drypoint.BadArgument, match="low_threshold"):
            wrong.result()

        def fail(_: drypoint.Progress) -> None:
            raise LookupError("mine")

        failing = queue.push(edges=edges, steps=2, progress=fail)
        for _ in range(2):
            with pytest.raises(LookupError, match="mine"):
                failing.result()
        stopped = queue.push(edges=edges, steps=999, stop=lambda: True)
        with pytest.raises(drypoint.Cancelled):
            stopped.result()
    with pytest.raises(drypoint.Cancelled):
        queue.push(edges=edges)
    with pytest.raises(drypoint.BadArgument):
        drypoint.Queue(pipeline, pipelines=17)


def test_jobs_that_their_callbacks_know_are_freed(
    pipeline: drypoint.Pipeline, edges: Edges
) -> None:
    def draw(queue: drypoint.Queue) -> weakref.ref[drypoint.Job]:
        jobs: list[drypoint.Job] = []
        jobs.append(queue.push(edges=edges, steps=1, progress=lambda _: len(jobs)))
        gc.collect()
        assert jobs[0].result().images
        return weakref.ref(jobs[0])

    with drypoint.Queue(pipeline) as queue:
        kept = draw(queue)
        gc.collect()
        assert kept() is None


def test_asyncio(pipeline: drypoint.Pipeline, edges: Edges) -> None:
    expected = pipeline.generate("a bird", edges=edges, steps=2, seed=3).arrays[0]

    async def main() -> None:
        result = await pipeline.generate_async("a bird", edges=edges, steps=2, seed=3)
        assert (result.arrays[0] == expected).all()
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(
            pipeline.generate_async(
                edges=edges,
                steps=999,
                progress=lambda _: loop.call_soon_threadsafe(begun.set),
            )
        )
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(drypoint.BadArgument):
            await pipeline.generate_async(edges=edges, steps=0)
        with drypoint.Queue(pipeline) as queue:
            jobs = [queue.push("a bird", edges=edges, steps=2, seed=i) for i in range(20)]
            results = await asyncio.gather(*jobs)
            assert [result.seed for result in results] == list(range(20))
            assert (results[3].arrays[0] == expected).all()
            job = queue.push(edges=edges, steps=999)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(job, 0.05)
            assert job.wait(60)
            assert job.state == "cancelled"

    asyncio.run(main())


def test_a_program_may_end_with_jobs_in_line(tiny: dict[str, Path]) -> None:
    script = """
import sys, threading, drypoint
import numpy as np
pipeline = drypoint.Pipeline(sys.argv[1], control=sys.argv[2], device="cpu")
queue = drypoint.Queue(pipeline)
begun = threading.Event()
edges = np.zeros((64, 64), np.uint8)
jobs = [queue.push(edges=edges, steps=999, progress=lambda _: begun.set()) for _ in range(5)]
begun.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, tiny.values())],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
