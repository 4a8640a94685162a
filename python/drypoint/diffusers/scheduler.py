"""What diffusers' schedulers have in common: a config, and what a request says instead."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..errors import BadArgument, BadFile, Unsupported
from . import noise_levels


class Config(dict[str, Any]):
    """A scheduler's config, whose keys are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


#: What the model was trained on, which no scheduler changes: Stable Diffusion 1.5's.
TRAINED: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "trained_betas": None,
    "prediction_type": "epsilon",
    "rescale_betas_zero_snr": False,
}


class Scheduler:
    """A sampler under diffusers' name for it.

    `fixed` are keys that must have these values, being what the sampler computes; `schedules` says
    which `schedule` each timestep_spacing is; others are told level by level. Keys that no class
    here has are kept, and have no effect, as in diffusers.
    """

    sampler: ClassVar[str] = ""
    defaults: ClassVar[dict[str, Any]] = {}
    fixed: ClassVar[dict[str, Any]] = {}
    schedules: ClassVar[dict[str, str]] = {}
    #: Of a call: "timesteps", "sigmas".
    takes: ClassVar[set[str]] = set()

    def __init__(self, **config: Any) -> None:
        self.config = Config({**self.defaults, **config, "_class_name": type(self).__name__})
        self.config["_use_default_values"] = [key for key in self.defaults if key not in config]

    @classmethod
    def from_config(cls, config: Mapping[str, Any], **changes: Any) -> Scheduler:
        """One of this class with another's config and changes.

        What the other had by default is left to this class's own defaults.
        """
        usual = set(dict(config).get("_use_default_values", ()))
        given = {
            key: value
            for key, value in dict(config).items()
            if key not in usual and not key.startswith("_")
        }
        return cls(**{**given, **changes})

    @classmethod
    def from_pretrained(cls, folder: str | Path, subfolder: str = "scheduler") -> Scheduler:
        """One with the config in a folder's scheduler_config.json. Raises BadFile."""
        return cls.from_config(read_config(Path(folder) / subfolder / "scheduler_config.json"))

    def fields(
        self,
        steps: int = 20,
        timesteps: Sequence[float] | None = None,
        sigmas: Sequence[float] | None = None,
    ) -> dict[str, Any]:
        """Of a request: `steps`, `sampler`, `schedule` or levels one by one, and settings.

        Raises Unsupported naming the key, BadArgument.
        """
        name = type(self).__name__
        if not self.sampler:
            raise Unsupported(f"scheduler: {name}, expected one of {', '.join(all_schedulers())}")
        for key, value in self.fixed.items():
            if self.config.get(key, value) != value:
                raise Unsupported(f"{name}: {key}: {self.config[key]!r}, expected {value!r}")
        given = {"timesteps": timesteps, "sigmas": sigmas}
        told = {key: value for key, value in given.items() if value is not None}
        for key in told:
            if key not in self.takes:
                raise Unsupported(f"{name}: {key}: found some, expected none")
        if len(told) > 1:
            raise BadArgument("timesteps, sigmas: found both, expected one of them")
        for key, value in told.items():
            steps = len(value) - (key == "sigmas")
        spacing = self._sigmas_key() or self.config["timestep_spacing"]
        levels = (
            {"schedule": self.schedules[spacing]}
            if not told and spacing in self.schedules and self._is_usual(spacing, steps)
            else {"schedule": "automatic", **self._levels(steps, timesteps, sigmas)}
        )
        return {
            "sampler": self.sampler,
            "steps": steps,
            "compat": "diffusers",
            **levels,
            **self._settings(steps),
        }

    def _sigmas_key(self) -> str | None:
        """Of those that this class has."""
        return noise_levels.kind_of_sigmas({key: self.config[key] for key in self.defaults})

    def _is_usual(self, spacing: str, steps: int) -> bool:
        """Whether a schedule has the levels that the config says."""
        if spacing in noise_levels.SIGMAS:
            return bool(self.config["timestep_spacing"] == "linspace")
        return spacing != "leading" or self.config.get("steps_offset", 0) == 1

    def _levels(
        self, steps: int, timesteps: Sequence[float] | None, sigmas: Sequence[float] | None
    ) -> dict[str, Any]:
        """Fields of a request."""
        expected = " or ".join(map(repr, self.schedules))
        found = self.config["timestep_spacing"]
        raise Unsupported(
            f"{type(self).__name__}: timestep_spacing: {found!r}, expected {expected}"
        )

    def _settings(self, steps: int) -> dict[str, Any]:
        """Further fields of a request."""
        return {}

    def __repr__(self) -> str:
        return f"<drypoint.diffusers.{type(self).__name__}: {self.sampler}>"


class OverTimesteps(Scheduler):
    """Whose levels are timesteps that the model was trained on."""

    def _levels(
        self, steps: int, timesteps: Sequence[float] | None, sigmas: Sequence[float] | None
    ) -> dict[str, Any]:
        if timesteps is not None:
            return {"timesteps": noise_levels.field(timesteps)}
        spacing, offset = self.config["timestep_spacing"], self.config.get("steps_offset", 0)
        return {"timesteps": noise_levels.field(spaced(self, spacing, steps, offset).round())}


class OverSigmas(Scheduler):
    """Whose levels are sigmas, beside the timesteps where the model saw them.

    `one_more`: of the spacings one more, and the last left out; timesteps that the model is told
    are fractions, or rounded with Karras's sigmas, or cut off with others. `leaves_out_still_step`:
    a last step that leads to its own level does nothing.
    """

    one_more: ClassVar[bool] = False
    rounds_karras: ClassVar[bool] = False
    cuts_off: ClassVar[bool] = False
    leaves_out_still_step: ClassVar[bool] = False

    def _is_usual(self, spacing: str, steps: int) -> bool:
        # A linspace of one number is its first: diffusers' one step is at timestep 0.
        return (steps > 1 or self.one_more) and super()._is_usual(spacing, steps)

    def _levels(
        self, steps: int, timesteps: Sequence[float] | None, sigmas: Sequence[float] | None
    ) -> dict[str, Any]:
        trained = noise_levels.trained_sigmas(self.config)
        spacing, key = self.config["timestep_spacing"], self._sigmas_key()
        if sigmas is not None:
            levels = np.array(sigmas, float)
            told = noise_levels.timesteps_of(levels[:-1], trained)
        else:
            if timesteps is not None and key:
                raise BadArgument(f"timesteps: found some, with {key}, expected one of both")
            offset = self.config.get("steps_offset", 0)
            told = (
                spaced(self, spacing, steps, offset)
                if timesteps is None
                else np.array(timesteps, float)
            )
            levels = np.interp(told, np.arange(1000), trained)
            if key:
                among = trained if self.one_more else levels
                levels = noise_levels.spread_sigmas(key, steps, among)
                told = self._whole(key, noise_levels.timesteps_of(levels, trained))
            levels = np.append(levels, self._last_sigma(float(trained[0])))
        if self.leaves_out_still_step and len(told) > 1 and np.isclose(levels[-2], levels[-1]):
            told, levels = told[:-1], levels[:-1]
        levels[-1] = min(levels[-1], np.nextafter(levels[-2], 0))  # a request's sigmas fall
        fields: dict[str, Any] = {
            "steps": len(told),
            "timesteps": noise_levels.field(told),
            "sigmas": noise_levels.field(levels),
        }
        if spacing == "leading" and not self.one_more:
            fields["first_noise"] = "whole"
        return fields

    def _whole(self, key: str, timesteps: noise_levels.Array) -> noise_levels.Array:
        """What of them the model is told."""
        if self.rounds_karras and key in {"use_karras_sigmas", "use_lu_lambdas"}:
            return timesteps.round()
        if not self.cuts_off:
            return timesteps
        # In diffusers' float32 the largest sigma lies a hair below the last trained one.
        return np.floor(np.maximum(timesteps - 1e-5, 0))

    def _last_sigma(self, first_trained: float) -> float:
        """Where the walk ends."""
        kind = self.config["final_sigmas_type"] if "final_sigmas_type" in self.defaults else "zero"
        if kind not in {"zero", "sigma_min"}:
            raise Unsupported(f"final_sigmas_type: {kind!r}, expected 'zero' or 'sigma_min'")
        return first_trained if kind == "sigma_min" else 0.0


def spaced(scheduler: Scheduler, spacing: str, steps: int, offset: int) -> noise_levels.Array:
    """Timesteps by a scheduler's spacing."""
    one_more = isinstance(scheduler, OverSigmas) and scheduler.one_more
    return noise_levels.spaced_timesteps(spacing, steps, offset, one_more=one_more)


def read_config(path: Path) -> dict[str, Any]:
    """Raises BadFile."""
    try:
        config = json.loads(path.read_text())
    except OSError as error:
        raise BadFile(f"{path}: cannot be opened: {error.strerror}") from None
    except ValueError:
        raise BadFile(f"{path}: is no JSON") from None
    if not isinstance(config, dict):
        raise BadFile(f"{path}: is no JSON object")
    return config


def all_schedulers() -> dict[str, type[Scheduler]]:
    """By class name, sorted."""
    found: dict[str, type[Scheduler]] = {}
    todo = [Scheduler]
    while todo:
        for kind in todo.pop().__subclasses__():
            if kind.sampler:
                found[kind.__name__] = kind
            todo.append(kind)
    return dict(sorted(found.items()))
