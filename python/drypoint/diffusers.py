"""diffusers' pipeline for Stable Diffusion with a ControlNet, on Drypoint: change the import.

    from drypoint.diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    controlnet = ControlNetModel.from_pretrained("control/")
    pipe = StableDiffusionControlNetPipeline.from_pretrained("model/", controlnet=controlnet)
    image = pipe("a bird", image=edges, num_inference_steps=20).images[0]

Arguments mean what they mean in diffusers 0.42. What is not supported raises `drypoint.Unsupported`
with the argument's name. Values differ by at most 1 of 255: diffusers rounds them, Drypoint cuts,
as the original code does.
"""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _schedulers
from ._core import Pipeline, Progress, Request, Result, inspect
from ._schedulers import (
    DDIMScheduler,
    DEISMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    PNDMScheduler,
    TCDScheduler,
    UniPCMultistepScheduler,
)
from .errors import BadArgument, BadFile, Unsupported

if TYPE_CHECKING:
    import PIL.Image

__all__ = [
    "ControlNetModel",
    "DDIMScheduler",
    "DEISMultistepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "StableDiffusionControlNetPipeline",
    "StableDiffusionPipelineOutput",
    "TCDScheduler",
    "UniPCMultistepScheduler",
]

PathLike = str | os.PathLike[str]

#: diffusers' pipelines for the same models that are not here.
_OTHERS = {
    "AutoPipelineForImage2Image",
    "AutoPipelineForInpainting",
    "AutoPipelineForText2Image",
    "DiffusionPipeline",
    "StableDiffusionControlNetImg2ImgPipeline",
    "StableDiffusionControlNetInpaintPipeline",
    "StableDiffusionImg2ImgPipeline",
    "StableDiffusionInpaintPipeline",
    "StableDiffusionPipeline",
}

#: Arguments of loading that change nothing that is computed.
_OF_LOADING = {
    "cache_dir",
    "device_map",
    "feature_extractor",
    "force_download",
    "image_encoder",
    "local_files_only",
    "low_cpu_mem_usage",
    "requires_safety_checker",
    "revision",
    "token",
    "use_safetensors",
    "variant",
}

#: Arguments of a call that only their default can have.
_WITHOUT = (
    "timesteps",
    "sigmas",
    "latents",
    "prompt_embeds",
    "negative_prompt_embeds",
    "ip_adapter_image",
    "ip_adapter_image_embeds",
    "cross_attention_kwargs",
)


def __getattr__(name: str) -> Any:
    if name in _OTHERS or name.endswith("Scheduler"):
        raise Unsupported(f"{name}: is not in drypoint.diffusers, expected {', '.join(__all__)}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class ControlNetModel:
    """A ControlNet's file or folder, to be given to a pipeline."""

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)

    @classmethod
    def from_pretrained(cls, path: PathLike, **options: Any) -> ControlNetModel:
        """A diffusers folder. Raises BadFile, Unsupported."""
        return cls(
            _local(path, _without(options, _OF_LOADING | {"dtype", "torch_dtype", "subfolder"}))
        )

    @classmethod
    def from_single_file(cls, path: PathLike, **options: Any) -> ControlNetModel:
        """A checkpoint file. Raises BadFile, Unsupported."""
        return cls.from_pretrained(path, **options)

    def to(self, *_: Any, **__: Any) -> ControlNetModel:
        return self


@dataclass
class StableDiffusionPipelineOutput:
    """`images` as asked for; `nsfw_content_detected` is None, as there is no safety checker."""

    images: Any
    nsfw_content_detected: list[bool] | None = None

    def __getitem__(self, key: int | str) -> Any:
        return getattr(self, key) if isinstance(key, str) else (self.images, None)[key]


class _Withheld(dict[str, Any]):
    """A callback's tensors, which are not handed out."""

    def __missing__(self, key: str) -> Any:
        raise Unsupported(f"callback_on_step_end: {key!r} is not handed to callbacks")


class StableDiffusionControlNetPipeline:
    """Draws along ready edges: see the module.

    It is on a GPU where there is one; `to("cpu")` or `to("cuda:1")` says otherwise.
    """

    def __init__(
        self, model: PathLike, controlnet: Any = None, torch_dtype: Any = None, **options: Any
    ) -> None:
        torch_dtype = options.pop("dtype", torch_dtype)  # its newer name
        self._files: dict[str, Any] = {
            "model": _local(model, options.pop("subfolder", None)),
            "control": _control_of(controlnet),
        }
        if options.pop("safety_checker", None) is not None:
            raise Unsupported("safety_checker: found one, expected None")
        scheduler = options.pop("scheduler", None)
        for key in _OF_LOADING:
            options.pop(key, None)
        for key in options:
            if key not in {"vae", "text_encoder", "embeddings"}:
                raise Unsupported(f"{key}: is no argument that Drypoint has, expected none")
        self._files.update(options)
        self._dtype = str(torch_dtype).rpartition(".")[2] if torch_dtype is not None else "float32"
        if self._dtype not in _PRECISIONS:
            raise Unsupported(f"torch_dtype: {torch_dtype}, expected {', '.join(_PRECISIONS)}")
        self._device = "auto"
        self._bar = True
        self._interrupt = False
        self._trained, found = self._read_scheduler()
        self._scheduler = found  # perhaps one to take the config of
        if scheduler is not None:
            self.scheduler = scheduler
        self._pipeline = self._open()

    @classmethod
    def from_pretrained(
        cls, folder: PathLike, controlnet: Any = None, torch_dtype: Any = None, **options: Any
    ) -> StableDiffusionControlNetPipeline:
        """Of a local diffusers folder.

        `controlnet` is a ControlNetModel, a path, or None for the one in the folder; `torch_dtype`
        float16 and bfloat16 hold on a GPU, float32 everywhere; `scheduler` replaces the folder's;
        `embeddings` is a folder of textual inversion. Raises BadFile (nothing is downloaded),
        Unsupported.
        """
        return cls(folder, controlnet, torch_dtype, **options)

    @classmethod
    def from_single_file(
        cls, file: PathLike, controlnet: Any = None, torch_dtype: Any = None, **options: Any
    ) -> StableDiffusionControlNetPipeline:
        """Of a checkpoint file, as `from_pretrained`."""
        for key in ("config", "original_config"):
            options.pop(key, None)
        return cls(file, controlnet, torch_dtype, **options)

    def _read_scheduler(self) -> tuple[dict[str, Any], _schedulers.Scheduler]:
        """What the model was trained on, and the folder's scheduler."""
        path = self._files["model"] / "scheduler" / "scheduler_config.json"
        if not path.exists():
            trained = dict(_schedulers.TRAINED)
            config = {
                **trained,
                "clip_sample": False,
                "set_alpha_to_one": False,
                "skip_prk_steps": True,
                "steps_offset": 1,
            }  # Stable Diffusion 1.5's
            if self._files["model"].is_file():
                prediction = inspect(self._files["model"]).prediction
                trained["prediction_type"] = _PREDICTIONS.get(prediction, "epsilon")
            config["prediction_type"] = trained["prediction_type"]
            return trained, PNDMScheduler.from_config(config)
        config = _schedulers.read_config(path)
        trained = {key: config[key] for key in _schedulers.TRAINED if key in config}
        return trained, _schedulers.named(config.get("_class_name", ""), config)

    def _open(self) -> Pipeline:
        is_gpu = self._device.startswith("cuda")
        precision = _PRECISIONS[self._dtype] if is_gpu or self._dtype == "float32" else "auto"
        return Pipeline(**self._files, device=self._device, precision=precision)

    @property
    def scheduler(self) -> _schedulers.Scheduler:
        """The sampler; one of this module or of diffusers may be put here. Raises Unsupported."""
        return self._scheduler

    @scheduler.setter
    def scheduler(self, scheduler: Any) -> None:
        found = _schedulers.of(scheduler)
        found.fields()
        for key, value in self._trained.items():
            if found.config.get(key, value) != value:
                raise Unsupported(
                    f"scheduler: {key}: {found.config[key]!r}, expected the model's, {value!r}"
                )
        self._scheduler = found

    def to(self, *arguments: Any, **_: Any) -> StableDiffusionControlNetPipeline:
        """Another device, or another precision as a dtype of PyTorch. Raises Unsupported."""
        for argument in arguments:
            name = str(argument).rpartition(".")[2]
            if name in _PRECISIONS:
                self._dtype = name
            else:
                self._device = str(argument)
        self._pipeline = self._open()
        return self

    def set_progress_bar_config(self, **options: Any) -> None:
        self._bar = not options.get("disable", False)

    # They save memory in diffusers, and change nothing that is computed.
    def enable_model_cpu_offload(self, *_: Any, **__: Any) -> None: ...
    def enable_sequential_cpu_offload(self, *_: Any, **__: Any) -> None: ...
    def enable_attention_slicing(self, *_: Any, **__: Any) -> None: ...
    def disable_attention_slicing(self) -> None: ...
    def enable_xformers_memory_efficient_attention(self, *_: Any, **__: Any) -> None: ...
    def disable_xformers_memory_efficient_attention(self) -> None: ...
    def enable_vae_slicing(self) -> None: ...
    def disable_vae_slicing(self) -> None: ...
    def enable_vae_tiling(self) -> None: ...
    def disable_vae_tiling(self) -> None: ...

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in _METHODS:
            raise Unsupported(f"{name}: {_METHODS[name]}")
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def __call__(
        self,
        prompt: str | Sequence[str] | None = None,
        image: Any = None,
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int = 50,
        timesteps: Any = None,
        sigmas: Any = None,
        guidance_scale: float = 7.5,
        negative_prompt: str | Sequence[str] | None = None,
        num_images_per_prompt: int = 1,
        eta: float = 0.0,
        generator: Any = None,
        latents: Any = None,
        prompt_embeds: Any = None,
        negative_prompt_embeds: Any = None,
        ip_adapter_image: Any = None,
        ip_adapter_image_embeds: Any = None,
        output_type: str = "pil",
        return_dict: bool = True,
        cross_attention_kwargs: Mapping[str, Any] | None = None,
        controlnet_conditioning_scale: float | Sequence[float] = 1.0,
        guess_mode: bool = False,
        control_guidance_start: float | Sequence[float] = 0.0,
        control_guidance_end: float | Sequence[float] = 1.0,
        clip_skip: int | None = None,
        callback_on_step_end: Callable[[Any, int, int, dict[str, Any]], Any] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> Any:
        """Draws, as diffusers 0.42 does with these arguments.

        `image` is the edges: a picture of Pillow, an array of uint8 or of floats 0 to 1, a tensor
        of floats [3, height, width], a path, or a list of one for each prompt. Pictures of Pillow
        are resized to `height` and `width`. `generator` is a fresh torch.Generator (anything with
        `initial_seed()`), or a list of one for each picture; it is drawn from once, so that a
        second use is noticed. `output_type` is "pil", "np" or "pt".

        `callback_on_step_end` is called with (self, step, timestep, {}) and must return an empty
        dict or None; setting `_interrupt` raises Cancelled. Raises BadArgument, Unsupported, and
        what `drypoint.Pipeline.generate` raises.
        """
        given = locals()
        for name in _WITHOUT:
            if given[name] is not None:
                raise Unsupported(f"{name}: found {type(given[name]).__name__}, expected None")
        if output_type not in {"pil", "np", "pt"}:
            raise Unsupported(f"output_type: {output_type!r}, expected 'pil', 'np' or 'pt'")
        if _only(control_guidance_start, "control_guidance_start") != 0:
            raise Unsupported(f"control_guidance_start: {control_guidance_start}, expected 0.0")
        if _only(control_guidance_end, "control_guidance_end") != 1:
            raise Unsupported(f"control_guidance_end: {control_guidance_end}, expected 1.0")
        if image is None:
            raise BadArgument("image: found None, expected the edges that steer")
        prompts = [prompt or ""] if prompt is None or isinstance(prompt, str) else list(prompt)
        if not prompts:
            raise BadArgument("prompt: found an empty list, expected a prompt or several")
        negatives = _as_many(negative_prompt or "", len(prompts), "negative_prompt")
        hints = _as_many(image, len(prompts), "image")
        if guess_mode:
            warnings.warn(
                "guess_mode: scales of the control are the original's, 0.825 to the power of "
                "12 - i; diffusers' differ by up to 0.6 %",
                stacklevel=2,
            )
        shared = self._pipeline.defaults().replace(
            added_prompt="",
            parser="plain",
            steps=num_inference_steps,
            guidance_scale=max(1.0, guidance_scale),
            strength=_only(controlnet_conditioning_scale, "controlnet_conditioning_scale"),
            guess_mode=guess_mode,
            clip_skip=1 if clip_skip is None else clip_skip + 1,
            resolution=512,
            size="auto",
            noise="batch",
            **self.scheduler.fields(),
        )
        if shared.sampler in {"DDIM", "TCD"}:  # the others do not take it
            shared.eta = eta
        requests = []
        for at, text in enumerate(prompts):
            edges = _edges(hints[at], height, width)
            requests.append(shared.replace(prompt=text, negative_prompt=negatives[at], edges=edges))
        requests = _seeded(requests, num_images_per_prompt, generator)
        self._interrupt = False
        results = [
            self._pipeline.generate(
                request,
                progress=self._progress(callback_on_step_end, num_inference_steps),
                stop=lambda: self._interrupt,
            )
            for request in requests
        ]
        for result in results:
            for notice in result.notices:
                warnings.warn(notice, stacklevel=2)
        images = _as_output(results, output_type)
        return StableDiffusionPipelineOutput(images) if return_dict else (images, None)

    def _progress(
        self, callback: Callable[[Any, int, int, dict[str, Any]], Any] | None, steps: int
    ) -> Callable[[Progress], None] | bool:
        from . import _progress

        bar = _progress.bar() if self._bar else None
        if callback is None:
            return bar or False
        last = 0

        def report(progress: Progress) -> None:
            nonlocal last
            if bar is not None:
                bar(progress)
            if progress.stage != "denoise" or progress.done <= last:
                return
            last = progress.done
            returned = callback(self, (last - 1) % steps, round(progress.timestep), _Withheld())
            for key in returned or {}:
                raise Unsupported(f"callback_on_step_end: returned {key!r}, expected nothing")

        return report


_PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
_PREDICTIONS = {"epsilon": "epsilon", "v": "v_prediction", "sample": "sample"}

_NO_ADAPTERS = "adapters are not supported here yet, expected no call"
_METHODS = {
    "enable_freeu": "is not supported, expected no call",
    "fuse_lora": _NO_ADAPTERS,
    "load_ip_adapter": "is not supported, expected no call",
    "load_lora_weights": _NO_ADAPTERS,
    "load_textual_inversion": "is not supported, expected embeddings=FOLDER of from_pretrained",
    "set_adapters": _NO_ADAPTERS,
    "unload_lora_weights": _NO_ADAPTERS,
}


def _without(options: dict[str, Any], known: set[str]) -> str | None:
    """The subfolder among options that are known."""
    for key in options:
        if key not in known:
            raise Unsupported(f"{key}: is no argument that Drypoint has, expected none")
    return options.get("subfolder")


def _local(path: PathLike, subfolder: str | None = None) -> Path:
    found = Path(path) / (subfolder or "")
    if not found.exists():
        raise BadFile(f"{found}: is not there; expected a local file or folder, as none is fetched")
    return found


def _control_of(controlnet: Any) -> Path | None:
    if isinstance(controlnet, (list, tuple)):
        if len(controlnet) != 1:
            raise Unsupported(f"controlnet: found {len(controlnet)}, expected one")
        controlnet = controlnet[0]
    if controlnet is None:
        return None
    if isinstance(controlnet, ControlNetModel):
        return controlnet.path
    if isinstance(controlnet, (str, os.PathLike)):
        return _local(controlnet)
    raise Unsupported(
        f"controlnet: {type(controlnet).__name__}, expected drypoint.diffusers.ControlNetModel "
        "or a path"
    )


def _only(value: float | Sequence[float], name: str) -> float:
    """Of a list for each ControlNet, of which there is one."""
    if isinstance(value, (list, tuple)):
        if len(value) != 1:
            raise Unsupported(f"{name}: found {len(value)} values, expected one")
        return float(value[0])
    return float(value)  # type: ignore[arg-type]


def _as_many(value: Any, count: int, name: str) -> list[Any]:
    """One for each prompt."""
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count and len(value) != 1:
        raise BadArgument(f"{name}: found {len(value)}, expected one, or {count} as of prompts")
    return list(value) * (count if len(value) == 1 else 1)


def _edges(image: Any, height: int | None, width: int | None) -> Any:
    """At the size that is drawn, as diffusers' image processor makes them."""
    import numpy as np
    import PIL.Image

    if isinstance(image, (str, os.PathLike)):
        image = PIL.Image.open(image)
    if isinstance(image, PIL.Image.Image):
        size = (
            (width or image.width) // 8 * 8,
            (height or image.height) // 8 * 8,
        )
        image = image.convert("RGB")
        return image if image.size == size else image.resize(size, PIL.Image.Resampling.LANCZOS)
    if hasattr(image, "detach"):  # [1, 3, height, width] or without the first
        array = image.detach().cpu().numpy()
        array = array[0] if array.ndim == 4 and len(array) == 1 else array
        array = array.transpose(1, 2, 0) if array.ndim == 3 else array
    else:
        array = np.asarray(image)
        array = array[0] if array.ndim == 4 and len(array) == 1 else array
    if array.dtype.kind == "f":
        scaled = array.astype(np.float64) * 255
        array = np.rint(scaled)
        if array.min() < 0 or array.max() > 255 or np.abs(array - scaled).max() > 1e-2:
            raise Unsupported("image: floats that are no 8-bit values / 255, expected edges 0 to 1")
        array = array.astype(np.uint8)
    if (height or array.shape[0], width or array.shape[1]) != array.shape[:2]:
        raise Unsupported(
            f"image: an array of {array.shape[0]}x{array.shape[1]}, expected height x width; "
            "only pictures of Pillow are resized"
        )
    return np.ascontiguousarray(array)


def _seed_of(generator: Any) -> dict[str, Any]:
    """A request's `seed` and `rng` for a fresh generator, which is drawn from."""
    if not hasattr(generator, "initial_seed"):
        raise BadArgument(f"generator: {type(generator).__name__}, expected a torch.Generator")
    seed = int(generator.initial_seed())
    device = str(getattr(generator, "device", "cpu"))
    if hasattr(generator, "get_state"):
        import torch  # type: ignore[import-not-found,unused-ignore]

        fresh = torch.Generator(generator.device).manual_seed(seed)
        if not torch.equal(fresh.get_state(), generator.get_state()):
            raise Unsupported("generator: was drawn from before, expected manual_seed() first")
        torch.randn(1, generator=generator, device=generator.device)
    return {"seed": seed % 2**64, "rng": "cuda" if device.startswith("cuda") else "cpu"}


def _seeded(requests: list[Request], each: int, generator: Any) -> list[Request]:
    """A request for each run: all samples of one, or each picture with a generator of its own."""
    generators = list(generator) if isinstance(generator, (list, tuple)) else None
    if generators is not None:
        count = len(requests) * each
        if len(generators) != count:
            raise BadArgument(f"generator: found {len(generators)}, expected one or {count}")
        many = [request for request in requests for _ in range(each)]
        return [r.replace(samples=1, **_seed_of(g)) for r, g in zip(many, generators, strict=True)]
    if generator is None:
        return [r.replace(samples=each, seed=random.getrandbits(32)) for r in requests]
    if len(requests) > 1:
        raise Unsupported(
            f"generator: one for {len(requests)} prompts, expected a list of one a picture"
        )
    return [requests[0].replace(samples=each, **_seed_of(generator))]


def _as_output(results: Sequence[Result], kind: str) -> Any:
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
