"""The command `drypoint`: the program that comes with the package."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROGRAM = Path(__file__).parent / "bin" / "drypoint"


def main() -> None:
    os.execv(PROGRAM, ["drypoint", *sys.argv[1:]])
