"""The tiny model that all tests draw with, and where things are."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drypoint

GOLDEN = Path(__file__).parent / "golden"
sys.path.append(str(GOLDEN))  # for what the generator of golden pictures shares with tests
from pictures import case_arguments, gradient, mask  # noqa: E402
from pictures import edges as frame  # noqa: E402

__all__ = ["case_arguments", "gradient", "mask"]

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"
PROGRAM = Path(drypoint.__file__).parent / "bin" / "drypoint"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Keywords that open it: the build's files where it says so, else unpacked here."""
    folder = Path(os.environ.get("DRYPOINT_TINY_MODELS", ""))
    if not (folder / "sd15.safetensors").exists():
        folder = tmp_path_factory.mktemp("tiny")
        with tarfile.open(DATA / "tiny" / "tiny.tar.xz") as archive:
            archive.extractall(folder)
    return {"model": folder / "sd15.safetensors", "control": folder / "control.safetensors"}


@pytest.fixture(scope="session")
def pipeline(tiny: dict[str, Path]) -> drypoint.Pipeline:
    return drypoint.Pipeline(**tiny, device="cpu")


@pytest.fixture(scope="session")
def edges() -> np.ndarray[Any, Any]:
    return frame()


def agreement(a: Any, b: Any) -> float:
    """The share of values that differ by at most 1."""
    difference = np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int))
    return float((difference <= 1).mean())


def command(*arguments: object) -> str:
    """What the program prints."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
