"""How many replicas there are, what each has, and how they come and go."""

from __future__ import annotations

from dataclasses import dataclass

from ray import serve  # type: ignore[import-not-found,unused-ignore]

from .engine import Engine
from .front import Front


@dataclass(frozen=True)
class Settings:
    """Of the whole."""

    #: Of `drypoint serve`, for each replica: its model, device, limits.
    options: tuple[str, ...] = ()
    #: At least and at most; Ray adds and takes away by the requests there are.
    replicas: tuple[int, int] = (1, 1)
    #: Of each replica.
    gpus: float = 0
    cpus: float = 1
    #: Requests that a replica has at once: what its queue draws together, and what waits for that.
    ongoing: int = 16
    #: Of these, as many as one replica is to have when others are added.
    target: float = 8
    #: For requests that were accepted, when a replica goes.
    drain_seconds: float = 60
    #: A replica that says nothing for so long is replaced.
    health_seconds: float = 10


def application(settings: Settings) -> serve.Application:
    """For `serve.run`. To run it again with other options is a rolling update."""
    engine = serve.deployment(
        Engine,
        name="Engine",
        ray_actor_options={"num_gpus": settings.gpus, "num_cpus": settings.cpus},
        max_ongoing_requests=settings.ongoing,
        autoscaling_config={
            "min_replicas": settings.replicas[0],
            "max_replicas": settings.replicas[1],
            "target_ongoing_requests": settings.target,
        },
        health_check_period_s=settings.health_seconds,
        health_check_timeout_s=settings.health_seconds,
        graceful_shutdown_timeout_s=settings.drain_seconds,
    )
    # One, as it knows the jobs; it draws nothing.
    front = serve.deployment(
        Front,
        name="Front",
        num_replicas=1,
        ray_actor_options={"num_cpus": 0},
        max_ongoing_requests=10_000,
    )
    return front.bind(engine.bind(list(settings.options), settings.drain_seconds))
