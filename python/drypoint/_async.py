"""What asyncio needs: drawing in a thread, and waiting for many jobs in one."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._core import Job, Pipeline, Queue, Result

_threads: weakref.WeakKeyDictionary[Pipeline, ThreadPoolExecutor] = weakref.WeakKeyDictionary()


async def generate(
    pipeline: Pipeline,
    request: Any = None,
    *,
    stop: Callable[[], object] | None = None,
    **keywords: Any,
) -> Result:
    """`Pipeline.generate` in the one thread that draws for this pipeline."""
    if pipeline not in _threads:
        _threads[pipeline] = ThreadPoolExecutor(1, "drypoint")
    given_up = threading.Event()
    draw = functools.partial(
        pipeline.generate,
        request,
        stop=lambda: given_up.is_set() or (stop is not None and stop()),
        **keywords,
    )
    future = asyncio.get_running_loop().run_in_executor(_threads[pipeline], draw)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        given_up.set()
        if not future.cancel():  # it has begun, and is to end before anybody goes on
            await asyncio.wait([future])
            future.exception()
        raise


class _Watcher:
    """One thread that waits for all jobs that tasks wait for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._awaited: list[tuple[Job, Callable[[], None]]] = []
        self._thread: threading.Thread | None = None

    def watch(self, job: Job, ended: Callable[[], None]) -> None:
        """Calls `ended`, in the watcher's thread, once the job has ended."""
        with self._changed:
            self._awaited.append((job, ended))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="drypoint", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while self._wait_once():
            pass

    def _wait_once(self) -> bool:
        """-> whether to go on. (A loop's variables would keep the last job alive.)"""
        with self._changed:
            if not self._awaited and not self._changed.wait_for(lambda: self._awaited, 10):
                self._thread = None
                return False
            first = self._awaited[0][0]
        first.wait(0.02)
        with self._changed:
            done = [(job, call) for job, call in self._awaited if job.wait(0)]
            self._awaited = [pair for pair in self._awaited if pair not in done]
        for _, call in done:
            call()
        return True


_watcher = _Watcher()


async def result_of(job: Job) -> Result:
    """The result of a job, which is given up where the task is cancelled."""
    if not job.wait(0):
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        def ended() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(wake)

        _watcher.watch(job, ended)
        try:
            await future
        except asyncio.CancelledError:
            job.cancel()
            raise
    return job.result()


_queues: weakref.WeakSet[Queue] = weakref.WeakSet()


def stop_at_exit(queue: Queue) -> None:
    """Ends a queue before the interpreter does, as its threads may call Python."""
    _queues.add(queue)


@atexit.register
def _stop_all() -> None:
    for queue in list(_queues):
        queue.stop()
