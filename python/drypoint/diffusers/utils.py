"""`load_image` and `make_image_grid`, as in `diffusers.utils`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import BadArgument, Unsupported

if TYPE_CHECKING:
    import PIL.Image

__all__ = ["load_image", "make_image_grid"]


def load_image(image: str | os.PathLike[str] | PIL.Image.Image) -> PIL.Image.Image:
    """A local file's picture as RGB, turned as its EXIF says. Raises Unsupported for a URL."""
    import PIL.Image
    import PIL.ImageOps

    if isinstance(image, str) and image.startswith(("http://", "https://")):
        raise Unsupported(f"load_image: {image}, expected a local file, as none is fetched")
    opened = image if isinstance(image, PIL.Image.Image) else PIL.Image.open(image)
    return (PIL.ImageOps.exif_transpose(opened) or opened).convert("RGB")


def make_image_grid(
    images: Sequence[PIL.Image.Image], rows: int, cols: int, resize: int | None = None
) -> PIL.Image.Image:
    """All of them in one picture, row by row; each first made `resize` x `resize`."""
    import PIL.Image

    if len(images) != rows * cols:
        raise BadArgument(f"images: found {len(images)}, expected {rows} x {cols}")
    if resize is not None:
        images = [image.resize((resize, resize)) for image in images]
    width, height = images[0].size
    grid = PIL.Image.new("RGB", (cols * width, rows * height))
    for i, image in enumerate(images):
        grid.paste(image, (i % cols * width, i // cols * height))
    return grid
