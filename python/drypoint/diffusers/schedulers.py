"""diffusers' schedulers by class and config, as a sampler and a schedule of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ..errors import BadFile, Unsupported


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
    which `schedule` each timestep_spacing is. Keys that no class here has are kept, and have no
    effect, as in diffusers.
    """

    sampler: ClassVar[str] = ""
    defaults: ClassVar[dict[str, Any]] = {}
    fixed: ClassVar[dict[str, Any]] = {}
    schedules: ClassVar[dict[str, str]] = {}

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

    def fields(self) -> dict[str, Any]:
        """`sampler` and `schedule` of a request. Raises Unsupported naming the key."""
        name = type(self).__name__
        if not self.sampler:
            raise Unsupported(f"scheduler: {name}, expected one of {', '.join(all_schedulers())}")
        for key, value in self.fixed.items():
            if self.config.get(key, value) != value:
                raise Unsupported(f"{name}: {key}: {self.config[key]!r}, expected {value!r}")
        spacing = self.config.get("timestep_spacing", next(iter(self.schedules)))
        schedule = self.schedules.get(spacing)
        for key, other in SIGMAS.items():
            if self.config.get(key) and key in self.defaults:
                schedule = other if spacing == "linspace" else None
        if schedule is None:
            expected = " or ".join(map(repr, self.schedules))
            raise Unsupported(f"{name}: timestep_spacing: {spacing!r}, expected {expected}")
        if spacing == "leading" and self.config.get("steps_offset", 0) != 1:
            raise Unsupported(
                f"{name}: steps_offset: {self.config.get('steps_offset', 0)!r}, expected 1"
            )
        return {"sampler": self.sampler, "schedule": schedule}

    def __repr__(self) -> str:
        return f"<drypoint.diffusers.{type(self).__name__}: {self.sampler}>"


#: Keys that replace the spacing of timesteps by one of sigmas.
SIGMAS = {
    "use_karras_sigmas": "karras",
    "use_exponential_sigmas": "exponential",
    "use_beta_sigmas": "beta",
}


class DDIMScheduler(Scheduler):
    sampler = "DDIM"
    defaults: ClassVar[dict[str, Any]] = {
        "clip_sample": True,
        "set_alpha_to_one": True,
        "steps_offset": 0,
        "thresholding": False,
        "timestep_spacing": "leading",
    }
    fixed: ClassVar[dict[str, Any]] = {
        "clip_sample": False,
        "set_alpha_to_one": False,
        "thresholding": False,
    }
    schedules: ClassVar[dict[str, str]] = {"leading": "exact", "trailing": "trailing"}


class PNDMScheduler(Scheduler):
    sampler = "PLMS"
    defaults: ClassVar[dict[str, Any]] = {
        "set_alpha_to_one": False,
        "skip_prk_steps": False,
        "steps_offset": 0,
        "timestep_spacing": "leading",
    }
    fixed: ClassVar[dict[str, Any]] = {"set_alpha_to_one": False, "skip_prk_steps": True}
    schedules: ClassVar[dict[str, str]] = {"leading": "exact"}


class UniPCMultistepScheduler(Scheduler):
    sampler = "UniPC"
    defaults: ClassVar[dict[str, Any]] = {
        "final_sigmas_type": "zero",
        "lower_order_final": True,
        "predict_x0": True,
        "solver_order": 2,
        "solver_type": "bh2",
        "steps_offset": 0,
        "thresholding": False,
        "timestep_spacing": "linspace",
        "use_flow_sigmas": False,
        **dict.fromkeys(SIGMAS, False),
    }
    fixed: ClassVar[dict[str, Any]] = {
        "final_sigmas_type": "zero",
        "lower_order_final": True,
        "predict_x0": True,
        "solver_order": 2,
        "solver_type": "bh2",
        "thresholding": False,
        "use_flow_sigmas": False,
        **dict.fromkeys(SIGMAS, False),
    }
    schedules: ClassVar[dict[str, str]] = {"linspace": "linspace"}


class EulerDiscreteScheduler(Scheduler):
    sampler = "Euler"
    defaults: ClassVar[dict[str, Any]] = {
        "final_sigmas_type": "zero",
        "interpolation_type": "linear",
        "sigma_max": None,
        "sigma_min": None,
        "steps_offset": 0,
        "timestep_spacing": "linspace",
        "timestep_type": "discrete",
        **dict.fromkeys(SIGMAS, False),
    }
    fixed: ClassVar[dict[str, Any]] = {
        "final_sigmas_type": "zero",
        "interpolation_type": "linear",
        "sigma_max": None,
        "sigma_min": None,
        "timestep_type": "discrete",
    }
    schedules: ClassVar[dict[str, str]] = {"linspace": "uniform", "trailing": "trailing"}


class EulerAncestralDiscreteScheduler(Scheduler):
    sampler = "Euler a"
    defaults: ClassVar[dict[str, Any]] = {"steps_offset": 0, "timestep_spacing": "linspace"}
    schedules: ClassVar[dict[str, str]] = EulerDiscreteScheduler.schedules


class LMSDiscreteScheduler(Scheduler):
    sampler = "LMS"
    defaults: ClassVar[dict[str, Any]] = {
        "steps_offset": 0,
        "timestep_spacing": "linspace",
        **dict.fromkeys(SIGMAS, False),
    }
    schedules: ClassVar[dict[str, str]] = {"linspace": "uniform"}


class HeunDiscreteScheduler(Scheduler):
    sampler = "Heun"
    defaults: ClassVar[dict[str, Any]] = {
        "clip_sample": False,
        "steps_offset": 0,
        "timestep_spacing": "linspace",
        **dict.fromkeys(SIGMAS, False),
    }
    fixed: ClassVar[dict[str, Any]] = {"clip_sample": False}
    schedules: ClassVar[dict[str, str]] = {"linspace": "uniform"}


class DEISMultistepScheduler(Scheduler):
    sampler = "DEIS"
    defaults: ClassVar[dict[str, Any]] = {
        "algorithm_type": "deis",
        "lower_order_final": True,
        "solver_order": 2,
        "solver_type": "logrho",
        "steps_offset": 0,
        "thresholding": False,
        "timestep_spacing": "linspace",
        **dict.fromkeys(SIGMAS, False),
    }
    fixed: ClassVar[dict[str, Any]] = {
        "algorithm_type": "deis",
        "lower_order_final": True,
        "solver_order": 2,
        "solver_type": "logrho",
        "thresholding": False,
        **dict.fromkeys(SIGMAS, False),
    }
    schedules: ClassVar[dict[str, str]] = {"linspace": "linspace"}


class LCMScheduler(Scheduler):
    sampler = "LCM"
    defaults: ClassVar[dict[str, Any]] = {
        "clip_sample": False,
        "original_inference_steps": 50,
        "set_alpha_to_one": True,
        "steps_offset": 0,
        "thresholding": False,
        "timestep_scaling": 10.0,
        "timestep_spacing": "leading",
    }
    fixed: ClassVar[dict[str, Any]] = {
        "clip_sample": False,
        "original_inference_steps": 50,
        "thresholding": False,
        "timestep_scaling": 10.0,
    }
    schedules: ClassVar[dict[str, str]] = {"leading": "lcm", "linspace": "lcm", "trailing": "lcm"}


class TCDScheduler(LCMScheduler):
    sampler = "TCD"


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


def of(scheduler: Any) -> Scheduler:
    """One of ours, or diffusers' own object, by its class's name and its config."""
    if isinstance(scheduler, Scheduler):
        return scheduler
    return named(type(scheduler).__name__, getattr(scheduler, "config", {}))


def named(name: str, config: Mapping[str, Any]) -> Scheduler:
    """One that is not here has a config for others, and no fields."""
    kind: type[Scheduler] | None = all_schedulers().get(name)
    if kind is None:
        kind = type(name, (Scheduler,), {})
    return kind.from_config(config)
