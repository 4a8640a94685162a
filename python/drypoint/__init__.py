"""Draws pictures along the edges of others: Stable Diffusion with ControlNet.

    import drypoint

    pipeline = drypoint.Pipeline()  # the small demo model, or a checkpoint's path
    result = pipeline.generate("a red ladybug", image="photo.jpg", seed=1)
    result.images[0].show()

`Device`, `Model` and `Pipeline` may be made once and shared; `Queue` draws for many threads. The
fields of a `Request` are keywords of everything that draws. Errors are in `drypoint.errors`.
"""

from __future__ import annotations

from ._core import (
    CheckpointDifference,
    CheckpointInfo,
    Device,
    GraphInspection,
    Image,
    Job,
    Model,
    ModelDescription,
    Pipeline,
    PlanInfo,
    Profile,
    Progress,
    Queue,
    Request,
    Result,
    ScoreResult,
    bench,
    build_plan,
    demo_model,
    difference,
    edges,
    export_onnx,
    inspect,
    inspect_graph,
    inspect_plan,
    parse_parameters,
    profile,
    psnr,
    samplers,
    score,
    ssim,
    synthesize,
    version,
)
from ._types import ImageLike
from .errors import (
    BadArgument,
    BadFile,
    Cancelled,
    DeviceFailure,
    Error,
    InternalError,
    NonFinite,
    OutOfMemory,
    Unsupported,
    WriteFailed,
)

__version__ = version()

__all__ = [
    "BadArgument",
    "BadFile",
    "Cancelled",
    "CheckpointDifference",
    "CheckpointInfo",
    "Device",
    "DeviceFailure",
    "Error",
    "GraphInspection",
    "Image",
    "ImageLike",
    "InternalError",
    "Job",
    "Model",
    "ModelDescription",
    "NonFinite",
    "OutOfMemory",
    "Pipeline",
    "PlanInfo",
    "Profile",
    "Progress",
    "Queue",
    "Request",
    "Result",
    "ScoreResult",
    "Unsupported",
    "WriteFailed",
    "__version__",
    "bench",
    "build_plan",
    "demo_model",
    "difference",
    "edges",
    "export_onnx",
    "inspect",
    "inspect_graph",
    "inspect_plan",
    "parse_parameters",
    "profile",
    "psnr",
    "samplers",
    "score",
    "ssim",
    "synthesize",
    "version",
]
