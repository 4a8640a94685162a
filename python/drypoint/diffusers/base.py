"""What all pipelines share: opening a model, its scheduler and adapters, and drawing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from .. import _progress
from .._core import Progress, Result
from ..errors import BadArgument, Unsupported
from . import images, schedulers
from .adapters import Weight
from .generators import seeded
from .loading import PRECISIONS, OpenModel, PathLike

OfPipeline = TypeVar("OfPipeline", bound="Pipeline")

#: Called with (pipeline, step, timestep, tensors).
StepCallback = Callable[[Any, int, int, dict[str, Any]], Any]

#: Arguments of a call that can only be None, as nothing else is there.
_NONE = (
    "latents",
    "prompt_embeds",
    "negative_prompt_embeds",
    "ip_adapter_image",
    "ip_adapter_image_embeds",
    "masked_image_latents",
    "padding_mask_crop",
)

#: Attributes of diffusers' pipelines that are not here, and what to do instead.
_ABSENT = {
    "components": "expected from_pipe(pipeline)",
    "enable_freeu": "expected no call",
    "encode_prompt": "expected prompts",
    "load_ip_adapter": "expected no call",
    "load_textual_inversion": "expected embeddings=FOLDER of from_pretrained",
    "safety_checker": "expected none",
    "text_encoder": "expected text_encoder=PATH of from_pretrained",
    "tokenizer": "expected none",
    "unet": "expected the pipeline's own methods",
    "vae": "expected vae=PATH of from_pretrained",
}


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


def expect_only(given: Mapping[str, Any]) -> None:
    """Raises Unsupported for an argument whose value cannot be obeyed."""
    for name in _NONE:
        if given.get(name) is not None:
            raise Unsupported(f"{name}: found {type(given[name]).__name__}, expected None")
    output = given["output_type"]
    if output not in {"pil", "np", "pt"}:
        raise Unsupported(f"output_type: {output!r}, expected 'pil', 'np' or 'pt'")


def prompts_of(given: Mapping[str, Any]) -> list[str]:
    prompt = given["prompt"]
    prompts = [prompt or ""] if prompt is None or isinstance(prompt, str) else list(prompt)
    if not prompts:
        raise BadArgument("prompt: found an empty list, expected a prompt or several")
    return prompts


class Pipeline:
    """A model on a device, a scheduler, and adapters.

    It is on a GPU where there is one; `to("cpu")` or `to("cuda:1")` says otherwise.
    """

    takes_controlnet: ClassVar[bool] = False

    def __init__(self, model: PathLike, controlnet: Any = None, **options: Any) -> None:
        if controlnet is not None and not self.takes_controlnet:
            raise BadArgument(f"controlnet: found one, but {type(self).__name__} takes none")
        scheduler = options.pop("scheduler", None)
        self._use(OpenModel(model, controlnet, options))
        if scheduler is not None:
            self.scheduler = scheduler

    def _use(self, model: OpenModel) -> None:
        self._model = model
        self._bar = True
        self._interrupt = False

    @classmethod
    def from_pretrained(
        cls: type[OfPipeline], folder: PathLike, controlnet: Any = None, **options: Any
    ) -> OfPipeline:
        """Of a local diffusers folder.

        `controlnet` is a ControlNetModel, a path, a list of them, or None for the one in the
        folder; `torch_dtype` float16 and bfloat16 hold on a GPU, float32 everywhere; `scheduler`
        replaces the folder's; `embeddings` is a folder of textual inversion. Raises BadFile
        (nothing is downloaded), Unsupported.
        """
        return cls(folder, controlnet, **options)

    @classmethod
    def from_single_file(
        cls: type[OfPipeline], file: PathLike, controlnet: Any = None, **options: Any
    ) -> OfPipeline:
        """Of a checkpoint file, as `from_pretrained`."""
        return cls(file, controlnet, **options)

    @classmethod
    def from_pipe(cls: type[OfPipeline], pipeline: Pipeline) -> OfPipeline:
        """With the model of another pipeline, its scheduler and adapters, as one."""
        new = cls.__new__(cls)
        new._use(pipeline._model)
        return new

    @property
    def scheduler(self) -> schedulers.Scheduler:
        """The sampler; one of this module or of diffusers may be put here. Raises Unsupported."""
        return self._model.scheduler

    @scheduler.setter
    def scheduler(self, scheduler: Any) -> None:
        found = schedulers.of(scheduler)
        found.fields()
        for key, value in self._model.trained.items():
            if found.config.get(key, value) != value:
                raise Unsupported(
                    f"scheduler: {key}: {found.config[key]!r}, expected the model's, {value!r}"
                )
        self._model.scheduler = found

    def to(self: OfPipeline, *arguments: Any, **_: Any) -> OfPipeline:
        """Another device, or another precision as a dtype of PyTorch. Raises Unsupported."""
        for argument in arguments:
            name = str(argument).rpartition(".")[2]
            if name in PRECISIONS:
                self._model.set_dtype(argument)
            else:
                self._model.device = str(argument)
        self._model.open()
        return self

    def set_progress_bar_config(self, **options: Any) -> None:
        self._bar = not options.get("disable", False)

    def load_lora_weights(
        self,
        path: Any,
        *,
        adapter_name: str | None = None,
        weight_name: str | None = None,
        **options: Any,
    ) -> None:
        """A LoRA's file, or a folder with one. With several, `set_adapters` says which count.

        Raises BadFile (nothing is downloaded), BadArgument, Unsupported.
        """
        for key in options:
            if key not in {"local_files_only", "low_cpu_mem_usage", "use_safetensors"}:
                raise Unsupported(f"{key}: is no argument that Drypoint has, expected none")
        self._model.adapters.load(path, adapter_name, weight_name)

    def set_adapters(
        self,
        adapter_names: str | Sequence[str],
        adapter_weights: Weight | Sequence[Weight] | None = None,
    ) -> None:
        """Those that count, and how much: numbers, or {"unet": 0.8, "text_encoder": 0.5}."""
        self._model.adapters.choose(adapter_names, adapter_weights)

    def delete_adapters(self, adapter_names: str | Sequence[str]) -> None:
        self._model.adapters.delete(adapter_names)

    def unload_lora_weights(self) -> None:
        self._model.adapters.clear()

    def get_active_adapters(self) -> list[str]:
        return self._model.adapters.active_names()

    def get_list_adapters(self) -> dict[str, list[str]]:
        names = self._model.adapters.names()
        return {"unet": names, "text_encoder": names} if names else {}

    def enable_lora(self) -> None:
        self._model.adapters.is_on = True

    def disable_lora(self) -> None:
        self._model.adapters.is_on = False

    def fuse_lora(self, *, lora_scale: float = 1.0, **options: Any) -> None:
        """Multiplies the adapters' weights; they are part of the model's in any case."""
        for key in options:
            if key not in {"components", "safe_fusing"}:
                raise Unsupported(f"{key}: is no argument that Drypoint has, expected none")
        self._model.adapters.fuse(lora_scale)

    def unfuse_lora(self, **_: Any) -> None:
        self._model.adapters.fuse(1.0)

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
        if name in _ABSENT:
            raise Unsupported(f"{name}: is not there, {_ABSENT[name]}")
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def _draw(
        self,
        given: Mapping[str, Any],
        fields: Sequence[Mapping[str, Any]],
        strength: float | None = None,
    ) -> Any:
        """Draws a call's arguments, with fields of a request for each of its prompts.

        `strength` is the share of the steps that are walked from an initial picture.
        """
        prompts = prompts_of(given)
        negatives = images.as_many(given["negative_prompt"] or "", len(prompts), "negative_prompt")
        clip_skip = given["clip_skip"]
        walk = self.scheduler.fields(
            given["num_inference_steps"], given.get("timesteps"), given.get("sigmas")
        )
        steps = walk["steps"]
        shared = self._model.pipeline.defaults().replace(
            added_prompt="",
            parser="plain",
            guidance_scale=max(1.0, given["guidance_scale"]),
            guidance_rescale=given.get("guidance_rescale", 0.0),
            clip_skip=1 if clip_skip is None else clip_skip + 1,
            noise="batch",
            lora=self._model.adapters.field(_scale_of(given["cross_attention_kwargs"])),
            **walk,
        )
        if shared.sampler in {"DDIM", "TCD"}:  # the others do not take it
            shared.eta = given["eta"]
        if strength is not None:
            shared = shared.replace(painting_rule="diffusers", denoising_strength=strength)
            steps = min(int(steps * strength), steps)
        requests = [
            shared.replace(prompt=prompt, negative_prompt=negative, **own)
            for prompt, negative, own in zip(prompts, negatives, fields, strict=True)
        ]
        requests = seeded(requests, given["num_images_per_prompt"], given["generator"])
        self._interrupt = False
        results = [
            self._model.pipeline.generate(
                request,
                progress=self._progress(given["callback_on_step_end"], max(1, steps)),
                stop=lambda: self._interrupt,
            )
            for request in requests
        ]
        return _output(results, given)

    def _progress(
        self, callback: StepCallback | None, steps: int
    ) -> Callable[[Progress], None] | bool:
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


def _scale_of(cross_attention_kwargs: Mapping[str, Any] | None) -> float:
    """Of adapters."""
    for key in cross_attention_kwargs or {}:
        if key != "scale":
            raise Unsupported(f"cross_attention_kwargs: {key!r}, expected 'scale' alone")
    return float((cross_attention_kwargs or {}).get("scale", 1.0))


def _output(results: Sequence[Result], given: Mapping[str, Any]) -> Any:
    for result in results:
        for notice in result.notices:
            warnings.warn(notice, stacklevel=4)
    drawn = images.as_output(results, given["output_type"])
    return StableDiffusionPipelineOutput(drawn) if given["return_dict"] else (drawn, None)
