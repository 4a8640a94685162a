"""What notebooks show."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._core import Image, Result


def of_image(image: Image, title: str = "") -> str:
    data = base64.b64encode(image.png()).decode()
    return f'<img src="data:image/png;base64,{data}" title="{html.escape(title)}">'


def of_result(result: Result) -> str:
    """What steered and the pictures, and the settings of the first."""
    pictures = [of_image(hint, "hint") for hint in result.hints]
    pictures += map(of_image, result.pictures, result.parameters)
    notes = "".join(f"<p>{html.escape(notice)}</p>" for notice in result.notices)
    return f"<div>{' '.join(pictures)}<pre>{html.escape(result.parameters[0])}</pre>{notes}</div>"


def of_page(page: str) -> str:
    """A whole page in a frame of its own."""
    return (
        f'<iframe srcdoc="{html.escape(page)}" width="100%" height="600" '
        'style="border: 1px solid #ccc"></iframe>'
    )
