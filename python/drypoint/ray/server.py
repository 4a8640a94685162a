"""`drypoint serve` as a child, which speaks the HTTP API for one replica and ends with it."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
from collections.abc import Sequence

from .._command import PROGRAM
from ..errors import DeviceFailure


def _end_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Server:
    """Listens at an address of this machine alone, at a port that is free."""

    def __init__(self, options: Sequence[str]) -> None:
        # Its parent is a thread: the one that this is called from must live as long as it.
        self._process = subprocess.Popen(
            [PROGRAM, "serve", "--host", "127.0.0.1", "--port", "0", *options],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=_end_with_parent,
            env={**os.environ, "DRYPOINT_API_KEYS": ""},
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        found = re.search(r"http://\S+?:\d+", said)
        if found is None:
            raise DeviceFailure(
                f"drypoint serve: ended with {self._process.wait()}: {said.strip()}"
            )
        self.url = found.group()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def stop(self, seconds: float) -> None:
        """Draws what was accepted, for so long at most."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
