"""The command `drypoint`: the program that comes with the package."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    program = Path(__file__).parent / "bin" / "drypoint"
    os.execv(program, ["drypoint", *sys.argv[1:]])
