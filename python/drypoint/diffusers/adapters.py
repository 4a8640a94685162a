"""LoRAs by the names that diffusers gives them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import _core
from ..errors import BadArgument, BadFile, Unsupported

#: What diffusers calls the file in a folder.
USUAL_NAME = "pytorch_lora_weights.safetensors"

Weight = float | Mapping[str, Any]


class Adapters:
    """Those that are loaded, and with which weights of UNet and text encoder they count."""

    def __init__(self) -> None:
        self._files: dict[str, Path] = {}
        self._active: dict[str, tuple[float, float]] = {}
        self._fused = 1.0
        self._is_chosen = True
        self.is_on = True

    def load(self, path: Any, adapter_name: str | None, weight_name: str | None) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise Unsupported(
                f"load_lora_weights: {type(path).__name__}, expected a file's or folder's path"
            )
        file = Path(path)
        if file.is_dir():
            file = file / (weight_name or USUAL_NAME)
        if not file.is_file():
            raise BadFile(f"{file}: is not there; expected a local file, as none is fetched")
        name = adapter_name or f"default_{len(self._files)}"
        if name in self._files:
            raise BadArgument(f"adapter_name: {name!r} is in use, expected another")
        _core.inspect_adapter(file)  # complains of what is none
        self._files[name] = file
        self._active = self._active or {name: (1.0, 1.0)}
        self._is_chosen = len(self._files) == 1

    def choose(self, names: str | Sequence[str], weights: Weight | Sequence[Weight] | None) -> None:
        chosen = [names] if isinstance(names, str) else list(names)
        self._expect_known(chosen)
        if weights is None or isinstance(weights, (int, float, Mapping)):
            weights = [1.0 if weights is None else weights] * len(chosen)
        if len(weights) != len(chosen):
            raise BadArgument(
                f"adapter_weights: found {len(weights)}, expected one, or {len(chosen)} as of names"
            )
        self._active = {
            name: _strengths(weight) for name, weight in zip(chosen, weights, strict=True)
        }
        self._is_chosen = True

    def delete(self, names: str | Sequence[str]) -> None:
        chosen = [names] if isinstance(names, str) else list(names)
        self._expect_known(chosen)
        for name in chosen:
            del self._files[name]
            self._active.pop(name, None)

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]

    def fuse(self, scale: float) -> None:
        self._fused = scale

    def names(self) -> list[str]:
        return list(self._files)

    def active_names(self) -> list[str]:
        return list(self._active) if self.is_on else []

    def field(self, scale: float = 1.0) -> list[str]:
        """A request's `lora`."""
        if not self.is_on:
            return []
        if not self._is_chosen:  # in diffusers the first counts in its layers, others elsewhere
            raise BadArgument(
                f"load_lora_weights: {', '.join(self._files)} are loaded, expected a choice by "
                "set_adapters"
            )
        by = scale * self._fused
        return [
            f"{self._files[name]}={unet * by!r}:{text * by!r}"
            for name, (unet, text) in self._active.items()
        ]

    def _expect_known(self, names: Sequence[str]) -> None:
        for name in names:
            if name not in self._files:
                known = ", ".join(self._files) or "none, as none is loaded"
                raise BadArgument(f"adapter_names: {name!r}, expected {known}")


def _strengths(weight: Weight) -> tuple[float, float]:
    """Of UNet and text encoder."""
    if not isinstance(weight, Mapping):
        return float(weight), float(weight)
    for key, value in weight.items():
        if key not in {"unet", "text_encoder"} or isinstance(value, Mapping):
            raise Unsupported(
                f"adapter_weights: {key!r}: {value!r}, expected a number for unet or text_encoder"
            )
    return float(weight.get("unet", 1.0)), float(weight.get("text_encoder", 1.0))
