"""Types that signatures name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import PIL.Image

    from ._core import Image


#: Of NumPy: 8-bit values, or others.
Bytes: TypeAlias = "npt.NDArray[np.uint8]"
Array: TypeAlias = "npt.NDArray[Any]"


class SupportsDLPack(Protocol):
    """An array of any library: NumPy, PyTorch, JAX, CuPy."""

    def __dlpack__(self) -> Any: ...

    def __dlpack_device__(self) -> Any: ...


#: What a picture may be given as: see `drypoint.Image`.
ImageLike: TypeAlias = Union[
    "Image", str, "os.PathLike[str]", bytes, "PIL.Image.Image", Bytes, SupportsDLPack
]
