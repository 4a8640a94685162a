"""Models by the arguments that diffusers has for their files and folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import _core
from ..errors import BadFile, Unsupported
from . import schedulers
from .adapters import Adapters

PathLike = str | os.PathLike[str]

PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
_PREDICTIONS = {"epsilon": "epsilon", "v": "v_prediction", "sample": "sample"}

#: Arguments of loading that change nothing that is computed.
WITHOUT_EFFECT = {
    "cache_dir",
    "config",
    "device_map",
    "feature_extractor",
    "force_download",
    "image_encoder",
    "local_files_only",
    "low_cpu_mem_usage",
    "original_config",
    "requires_safety_checker",
    "token",
    "use_safetensors",
    "variant",
}


def refuse_unknown(options: Mapping[str, Any], known: set[str]) -> None:
    for key in options:
        if key not in known | WITHOUT_EFFECT:
            raise Unsupported(f"{key}: is no argument that Drypoint has, expected none")


def local(path: PathLike, subfolder: str | None = None, revision: str | None = None) -> Path:
    """A file or folder, or what was fetched before under this name into the hub's own cache."""
    found = Path(path)
    if not found.exists():
        found = _cached(str(path), revision or "main") or found
    found = found / (subfolder or "")
    if not found.exists():
        raise BadFile(f"{found}: is not there; expected a local file or folder, as none is fetched")
    return found


def _cached(name: str, revision: str) -> Path | None:
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    folder = cache / ("models--" + name.replace("/", "--"))
    ref = folder / "refs" / revision
    snapshot = folder / "snapshots" / (ref.read_text().strip() if ref.is_file() else revision)
    return snapshot if snapshot.is_dir() else None


class ControlNetModel:
    """A ControlNet's file or folder, to be given to a pipeline."""

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)

    @classmethod
    def from_pretrained(cls, path: PathLike, **options: Any) -> ControlNetModel:
        """A diffusers folder. Raises BadFile, Unsupported."""
        refuse_unknown(options, {"dtype", "torch_dtype", "subfolder", "revision"})
        return cls(local(path, options.get("subfolder"), options.get("revision")))

    @classmethod
    def from_single_file(cls, path: PathLike, **options: Any) -> ControlNetModel:
        """A checkpoint file. Raises BadFile, Unsupported."""
        return cls.from_pretrained(path, **options)

    def to(self, *_: Any, **__: Any) -> ControlNetModel:
        return self


class MultiControlNetModel:
    """Several, each with its own picture."""

    def __init__(self, controlnets: list[Any]) -> None:
        self.nets = list(controlnets)


def controls_of(controlnet: Any) -> dict[str, Path]:
    """By the names that requests call them: "control_0" ...; None: the model's own, if any."""
    if controlnet is None:
        return {}
    if isinstance(controlnet, MultiControlNetModel):
        controlnet = controlnet.nets
    nets = controlnet if isinstance(controlnet, (list, tuple)) else [controlnet]
    paths = []
    for net in nets:
        if isinstance(net, ControlNetModel):
            paths.append(net.path)
        elif isinstance(net, (str, os.PathLike)):
            paths.append(local(net))
        else:
            raise Unsupported(
                f"controlnet: {type(net).__name__}, expected "
                "drypoint.diffusers.ControlNetModel, a path, or a list of them"
            )
    return {f"control_{i}": path for i, path in enumerate(paths)}


class OpenModel:
    """A model on a device, and what pipelines made `from_pipe` have in common."""

    def __init__(self, model: PathLike, controlnet: Any, options: dict[str, Any]) -> None:
        dtype = options.pop("torch_dtype", None)
        dtype = options.pop("dtype", dtype)  # its newer name
        self.path = local(model, options.pop("subfolder", None), options.pop("revision", None))
        if options.pop("safety_checker", None) is not None:
            raise Unsupported("safety_checker: found one, expected None")
        refuse_unknown(options, {"vae", "text_encoder", "embeddings"})
        self.files = {key: options[key] for key in options if key not in WITHOUT_EFFECT}
        self.controls = controls_of(controlnet)
        self.device = "auto"
        self.set_dtype(dtype)
        self.adapters = Adapters()
        self.trained, self.scheduler = self._read_scheduler()
        self.open()

    def set_dtype(self, dtype: Any) -> None:
        self.dtype = str(dtype).rpartition(".")[2] if dtype is not None else "float32"
        if self.dtype not in PRECISIONS:
            raise Unsupported(f"torch_dtype: {dtype}, expected {', '.join(PRECISIONS)}")

    def open(self) -> None:
        without_halves = self.dtype == "float16" and not self.device.startswith("cuda")
        precision = "auto" if without_halves else PRECISIONS[self.dtype]
        self.pipeline = _core.Pipeline(
            self.path,
            controls=self.controls,
            **self.files,
            device=self.device,
            precision=precision,
        )

    def default_size(self) -> int:
        """Of a side, where neither arguments nor pictures say it."""
        config = self.path / "unet" / "config.json"
        if config.exists():
            return 8 * int(schedulers.read_config(config).get("sample_size", 64))
        return 768 if self.trained.get("prediction_type") == "v_prediction" else 512

    def _read_scheduler(self) -> tuple[dict[str, Any], schedulers.Scheduler]:
        """What the model was trained on, and the folder's scheduler."""
        path = self.path / "scheduler" / "scheduler_config.json"
        if path.exists():
            config = schedulers.read_config(path)
            trained = {key: config[key] for key in schedulers.TRAINED if key in config}
            return trained, schedulers.named(config.get("_class_name", ""), config)
        trained = dict(schedulers.TRAINED)
        config = {
            **trained,
            "clip_sample": False,
            "set_alpha_to_one": False,
            "skip_prk_steps": True,
            "steps_offset": 1,
        }  # Stable Diffusion 1.5's
        if self.path.is_file():
            prediction = _core.inspect(self.path).prediction
            trained["prediction_type"] = _PREDICTIONS.get(prediction, "epsilon")
        config["prediction_type"] = trained["prediction_type"]
        return trained, schedulers.PNDMScheduler.from_config(config)
