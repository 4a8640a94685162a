"""Drypoint on many GPUs and machines, by Ray Serve (`pip install "ray[serve]"`).

    python -m drypoint.ray --replicas 2 -- -m model.safetensors --control canny=control.pth

or, in a program,

    from drypoint.ray import Settings, application
    from ray import serve

    serve.run(application(Settings(replicas=(1, 8), gpus=1, options=("-m", "model.safetensors"))))

Each replica has one engine with the options of `drypoint serve`; in front is the same HTTP API.
Where a replica is lost, its requests are drawn by others, with the same seeds and so the same
bytes.
"""

from __future__ import annotations

from .application import Settings, application

__all__ = ["Settings", "application"]
