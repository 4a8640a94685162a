"""Pictures as diffusers' image processors take and give them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._core import Result
from ..errors import BadArgument, Unsupported

if TYPE_CHECKING:
    import PIL.Image


def as_many(value: Any, count: int, name: str) -> list[Any]:
    """One for each prompt."""
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) not in (1, count):
        raise BadArgument(f"{name}: found {len(value)}, expected one, or {count} as of prompts")
    return list(value) * (count if len(value) == 1 else 1)


def picture(image: Any, height: int | None, width: int | None, name: str = "image") -> Any:
    """RGB, or grey, at the size that is drawn."""
    image = _opened(image, name)
    if _is_pillow(image):
        return _resized(image, height, width).convert("RGB")
    array = _eight_bits(_array_of(image), name)
    _expect_size(array, height, width, name)
    return array


def mask(image: Any, height: int | None, width: int | None, name: str = "mask_image") -> Any:
    """Grey, 255 where it is to be painted."""
    import numpy as np

    image = _opened(image, name)
    if _is_pillow(image):
        grey = np.asarray(_resized(image, height, width).convert("L"))
    else:
        array = _array_of(image)
        array = array[..., 0] if array.ndim == 3 else array
        grey = array if array.dtype == np.uint8 else array * 255
        _expect_size(grey, height, width, name)
    return np.where(grey >= 127.5, 255, 0).astype(np.uint8)


def size_of(image: Any) -> tuple[int, int]:
    """(height, width) of what `picture` gave."""
    if _is_pillow(image):
        return image.height, image.width
    return int(image.shape[0]), int(image.shape[1])


def as_output(results: Sequence[Result], kind: str) -> Any:
    """As `output_type` asks for."""
    if kind == "pil":
        pictures: list[PIL.Image.Image] = []
        for result in results:
            pictures += result.images
        return pictures
    import numpy as np

    arrays = np.stack([array for result in results for array in result.arrays])
    values = arrays.astype(np.float32) / 255
    if kind == "np":
        return values
    import torch  # type: ignore[import-not-found,unused-ignore]

    return torch.from_numpy(values.transpose(0, 3, 1, 2).copy())


def _is_pillow(image: Any) -> bool:
    import PIL.Image

    return isinstance(image, PIL.Image.Image)


def _opened(image: Any, name: str) -> Any:
    if image is None:
        raise BadArgument(f"{name}: found None, expected a picture")
    if isinstance(image, (str, os.PathLike)):
        import PIL.Image

        return PIL.Image.open(image)
    return image


def _resized(image: PIL.Image.Image, height: int | None, width: int | None) -> PIL.Image.Image:
    import PIL.Image

    size = ((width or image.width) // 8 * 8, (height or image.height) // 8 * 8)
    return image if image.size == size else image.resize(size, PIL.Image.Resampling.LANCZOS)


def _array_of(image: Any) -> Any:
    """[height, width] or [height, width, channels]."""
    import numpy as np

    is_tensor = hasattr(image, "detach")  # [1, 3, height, width], or without the first
    array = image.detach().cpu().numpy() if is_tensor else np.asarray(image)
    array = array[0] if array.ndim == 4 and len(array) == 1 else array
    return array.transpose(1, 2, 0) if is_tensor and array.ndim == 3 else array


def _eight_bits(array: Any, name: str) -> Any:
    import numpy as np

    if array.dtype.kind == "f":
        scaled = array.astype(np.float64) * 255
        array = np.rint(scaled)
        if array.min() < 0 or array.max() > 255 or np.abs(array - scaled).max() > 1e-2:
            raise Unsupported(f"{name}: floats that are no 8-bit values / 255, expected 0 to 1")
        array = array.astype(np.uint8)
    return np.ascontiguousarray(array)


def _expect_size(array: Any, height: int | None, width: int | None, name: str) -> None:
    if (height or array.shape[0], width or array.shape[1]) != array.shape[:2]:
        raise Unsupported(
            f"{name}: an array of {array.shape[0]}x{array.shape[1]}, expected height x width; "
            "only pictures of Pillow are resized"
        )
