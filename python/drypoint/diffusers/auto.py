"""The pipeline that a folder asks for."""

from __future__ import annotations

from typing import Any

from ..errors import Unsupported
from .base import Pipeline
from .controlnet import (
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionControlNetPipeline,
)
from .image_to_image import StableDiffusionImg2ImgPipeline
from .inpaint import StableDiffusionInpaintPipeline
from .loading import PathLike, local
from .schedulers import read_config
from .text_to_image import StableDiffusionPipeline

PIPELINES: dict[str, type[Pipeline]] = {
    kind.__name__: kind
    for kind in (
        StableDiffusionControlNetImg2ImgPipeline,
        StableDiffusionControlNetInpaintPipeline,
        StableDiffusionControlNetPipeline,
        StableDiffusionImg2ImgPipeline,
        StableDiffusionInpaintPipeline,
        StableDiffusionPipeline,
    )
}


class DiffusionPipeline:
    """`from_pretrained` gives the pipeline that the folder's model_index.json names."""

    @classmethod
    def from_pretrained(cls, folder: PathLike, **options: Any) -> Pipeline:
        path = local(folder, options.get("subfolder"), options.get("revision"))
        index = path / "model_index.json"
        name = str(read_config(index).get("_class_name", ""))
        if name not in PIPELINES:
            raise Unsupported(f"{index}: {name}, expected {', '.join(PIPELINES)}")
        if options.get("controlnet") is not None and not PIPELINES[name].takes_controlnet:
            name = name.replace("StableDiffusion", "StableDiffusionControlNet")
        return PIPELINES[name].from_pretrained(folder, **options)


class _Auto:
    plain: type[Pipeline]
    controlled: type[Pipeline]

    @classmethod
    def from_pretrained(cls, folder: PathLike, **options: Any) -> Pipeline:
        kind = cls.plain if options.get("controlnet") is None else cls.controlled
        return kind.from_pretrained(folder, **options)

    @classmethod
    def from_pipe(cls, pipeline: Pipeline) -> Pipeline:
        """Of the same model; with a ControlNet where that has one."""
        return (cls.controlled if pipeline._model.controls else cls.plain).from_pipe(pipeline)


class AutoPipelineForText2Image(_Auto):
    plain = StableDiffusionPipeline
    controlled = StableDiffusionControlNetPipeline


class AutoPipelineForImage2Image(_Auto):
    plain = StableDiffusionImg2ImgPipeline
    controlled = StableDiffusionControlNetImg2ImgPipeline


class AutoPipelineForInpainting(_Auto):
    plain = StableDiffusionInpaintPipeline
    controlled = StableDiffusionControlNetInpaintPipeline
