"""Seeds out of PyTorch's generators."""

from __future__ import annotations

import random
from typing import Any

from .._core import Request
from ..errors import BadArgument, Unsupported


def seeded(requests: list[Request], each: int, generator: Any) -> list[Request]:
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
