"""Bars that show how far a drawing is, where somebody can see them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._core import Progress


def is_visible() -> bool:
    """Whether stderr is a terminal, or this is a notebook."""
    if "ipykernel" in sys.modules:
        return True
    return sys.stderr is not None and sys.stderr.isatty()


def bar() -> Callable[[Progress], None] | None:
    """A callback that moves a bar of tqdm, or None where nobody would see it."""
    if not is_visible():
        return None
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return None
    shown: Any = None

    def show(progress: Progress) -> None:
        nonlocal shown
        if progress.stage == "denoise":
            if shown is None:
                shown = tqdm(total=progress.of, unit="step", leave=False)
            shown.update(progress.done - shown.n)
        if shown is not None and (progress.stage == "decode" or progress.done == progress.of):
            shown.close()
            shown = None

    return show
