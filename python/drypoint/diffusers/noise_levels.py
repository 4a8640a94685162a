"""The timesteps and noise levels that diffusers' schedulers visit, for those that Drypoint has no
schedule of its own for: `set_timesteps` of diffusers 0.42."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._core import sigmas_between
from ..errors import BadArgument, Unsupported

Array = np.ndarray[Any, np.dtype[np.float64]]

#: Keys that replace the spacing of timesteps by one of sigmas, and what it is called here.
SIGMAS = {
    "use_karras_sigmas": "karras",
    "use_lu_lambdas": "exponential",
    "use_exponential_sigmas": "exponential",
    "use_beta_sigmas": "beta",
}


def kind_of_sigmas(config: Mapping[str, Any]) -> str | None:
    """The key of SIGMAS that a config has on, as diffusers looks for them. Raises BadArgument."""
    found = [key for key in SIGMAS if config.get(key)]
    if len([key for key in found if key != "use_lu_lambdas"]) > 1:
        raise BadArgument(f"{', '.join(found)}: expected one of them")
    return found[0] if found else None


def trained_sigmas(config: Mapping[str, Any]) -> Array:
    """Those that the model saw, the smallest first. Raises Unsupported."""
    for key, expected in (("beta_schedule", "scaled_linear"), ("trained_betas", None)):
        if config.get(key, expected) != expected:
            raise Unsupported(f"{key}: {config[key]!r}, expected {expected!r}")
    first, last = config.get("beta_start", 0.00085), config.get("beta_end", 0.012)
    kept = np.cumprod(1 - np.linspace(first**0.5, last**0.5, 1000) ** 2)
    if config.get("rescale_betas_zero_snr"):
        roots = np.sqrt(kept)
        kept = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
        kept[-1] = 2**-24
    return np.array(np.sqrt((1 - kept) / kept))


def spaced_timesteps(spacing: str, steps: int, offset: int, *, one_more: bool) -> Array:
    """From the noisiest on. With `one_more`, as multistep solvers do: the last of them is left out.

    Raises Unsupported.
    """
    count = steps + one_more
    if spacing == "linspace":
        timesteps = np.linspace(0, 999, count)
        return (timesteps.round() if one_more else timesteps)[::-1][:steps].copy()
    if spacing == "leading":
        return (np.arange(count) * (1000 // count) + offset)[::-1][:steps].astype(float)
    if spacing == "trailing":
        return np.arange(1000, 0, -1000 / steps).round()[:steps] - 1
    raise Unsupported(
        f"timestep_spacing: {spacing!r}, expected 'leading', 'linspace' or 'trailing'"
    )


def timesteps_of(sigmas: Array, trained: Array) -> Array:
    """Where the model saw them."""
    return np.array(np.interp(np.log(sigmas), np.log(trained), np.arange(1000.0)))


def spread_sigmas(key: str, steps: int, among: Array) -> Array:
    """By a key of SIGMAS, from the largest to the smallest of `among`."""
    return np.array(sigmas_between(SIGMAS[key], steps, float(among.min()), float(among.max())))


def field(numbers: Sequence[float] | Array) -> str:
    """As a request has them."""
    return ",".join(repr(float(number)) for number in numbers)
