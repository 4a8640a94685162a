"""diffusers' schedulers by class and config, as a sampler and a schedule of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..errors import Unsupported
from .scheduler import (
    TRAINED,
    OverSigmas,
    OverTimesteps,
    Scheduler,
    all_schedulers,
    read_config,
)

__all__ = ["TRAINED", "Scheduler", "all_schedulers", "named", "of", "read_config"]

#: Where timesteps are even, and sigmas spread between the first and the last of them.
_OVER_SIGMAS = {
    "linspace": "uniform",
    "use_karras_sigmas": "karras",
    "use_exponential_sigmas": "exponential",
    "use_beta_sigmas": "beta",
}
_OFF = dict.fromkeys(_OVER_SIGMAS, False)
del _OFF["linspace"]


class DDIMScheduler(OverTimesteps):
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
    fixed: ClassVar[dict[str, Any]] = {
        "set_alpha_to_one": False,
        "skip_prk_steps": True,
        "steps_offset": 1,
    }
    schedules: ClassVar[dict[str, str]] = {"leading": "exact"}


class Multistep(OverSigmas):
    """Over signal * clean + noise * n in diffusers, from noise of unit variance."""

    one_more = rounds_karras = cuts_off = True
    #: Names of other classes' solver_type that mean this class's own.
    others: ClassVar[dict[str, set[str]]] = {}

    def __init__(self, **config: Any) -> None:
        for key, names in self.others.items():
            if config.get(key) in names:
                config[key] = self.defaults[key]
        super().__init__(**config)

    def _settings(self, steps: int) -> dict[str, Any]:
        order = self.config["solver_order"]
        if order not in {1, 2, 3}:
            raise Unsupported(f"{type(self).__name__}: solver_order: {order!r}, expected 1, 2 or 3")
        return {"solver_order": order}


class DPMSolverMultistepScheduler(Multistep):
    sampler = "DPM++ 2M"
    takes: ClassVar[set[str]] = {"timesteps"}
    defaults: ClassVar[dict[str, Any]] = {
        "algorithm_type": "dpmsolver++",
        "euler_at_final": False,
        "final_sigmas_type": "zero",
        "lambda_min_clipped": -float("inf"),
        "lower_order_final": True,
        "solver_order": 2,
        "solver_type": "midpoint",
        "steps_offset": 0,
        "thresholding": False,
        "timestep_spacing": "linspace",
        "use_dynamic_shifting": False,
        "use_flow_sigmas": False,
        "use_lu_lambdas": False,
        "variance_type": None,
        **_OFF,
    }
    fixed: ClassVar[dict[str, Any]] = {
        "lambda_min_clipped": -float("inf"),
        "thresholding": False,
        "use_dynamic_shifting": False,
        "use_flow_sigmas": False,
        "variance_type": None,
    }
    others: ClassVar[dict[str, set[str]]] = {
        "algorithm_type": {"deis"},
        "solver_type": {"logrho", "bh1", "bh2"},
    }

    def _settings(self, steps: int) -> dict[str, Any]:
        kind, order = self.config["algorithm_type"], self.config["solver_order"]
        if kind not in {"dpmsolver++", "sde-dpmsolver++"}:
            raise Unsupported(
                f"DPMSolverMultistepScheduler: algorithm_type: {kind!r}, "
                "expected 'dpmsolver++' or 'sde-dpmsolver++'"
            )
        fields = {**super()._settings(steps), "solver_type": self.config["solver_type"]}
        lower = self.config["lower_order_final"] and steps < 15
        euler = self.config["euler_at_final"]
        fields["lower_order_final"] = "on" if lower else "last" if euler else "off"
        if kind == "sde-dpmsolver++":
            if order > 2:
                raise Unsupported(
                    f"DPMSolverMultistepScheduler: solver_order: {order} of {kind}, expected 1 or 2"
                )
            fields["sampler"] = "DPM++ 2M SDE"
        return fields


class UniPCMultistepScheduler(Multistep):
    sampler = "UniPC"
    defaults: ClassVar[dict[str, Any]] = {
        "disable_corrector": [],
        "final_sigmas_type": "zero",
        "lower_order_final": True,
        "predict_x0": True,
        "solver_order": 2,
        "solver_p": None,
        "solver_type": "bh2",
        "steps_offset": 0,
        "thresholding": False,
        "timestep_spacing": "linspace",
        "use_dynamic_shifting": False,
        "use_flow_sigmas": False,
        **_OFF,
    }
    fixed: ClassVar[dict[str, Any]] = {
        "disable_corrector": [],
        "lower_order_final": True,
        "predict_x0": True,
        "solver_p": None,
        "thresholding": False,
        "use_dynamic_shifting": False,
        "use_flow_sigmas": False,
    }
    others: ClassVar[dict[str, set[str]]] = {"solver_type": {"midpoint", "heun", "logrho"}}
    schedules: ClassVar[dict[str, str]] = {"linspace": "linspace"}

    def _is_usual(self, spacing: str, steps: int) -> bool:
        return bool(self.config["final_sigmas_type"] == "zero")

    def _settings(self, steps: int) -> dict[str, Any]:
        key = self._sigmas_key()
        if key and self.config["final_sigmas_type"] != "zero":
            raise Unsupported(
                f"UniPCMultistepScheduler: final_sigmas_type: "
                f"{self.config['final_sigmas_type']!r} with {key}, expected 'zero'"
            )
        return {**super()._settings(steps), "solver_type": self.config["solver_type"]}


class DEISMultistepScheduler(Multistep):
    sampler = "DEIS"
    defaults: ClassVar[dict[str, Any]] = {
        "algorithm_type": "deis",
        "lower_order_final": True,
        "solver_order": 2,
        "solver_type": "logrho",
        "steps_offset": 0,
        "thresholding": False,
        "timestep_spacing": "linspace",
        "use_dynamic_shifting": False,
        "use_flow_sigmas": False,
        **_OFF,
    }
    fixed: ClassVar[dict[str, Any]] = {
        "algorithm_type": "deis",
        "solver_type": "logrho",
        "thresholding": False,
        "use_dynamic_shifting": False,
        "use_flow_sigmas": False,
        **_OFF,
    }
    others: ClassVar[dict[str, set[str]]] = {
        "algorithm_type": {"dpmsolver", "dpmsolver++"},
        "solver_type": {"midpoint", "heun", "bh1", "bh2"},
    }
    schedules: ClassVar[dict[str, str]] = {"linspace": "linspace"}

    def _last_sigma(self, first_trained: float) -> float:
        return first_trained

    def _settings(self, steps: int) -> dict[str, Any]:
        lower = "on" if self.config["lower_order_final"] else "off"
        return {**super()._settings(steps), "lower_order_final": lower}


class EulerDiscreteScheduler(OverSigmas):
    sampler = "Euler"
    leaves_out_still_step = True
    takes: ClassVar[set[str]] = {"timesteps", "sigmas"}
    defaults: ClassVar[dict[str, Any]] = {
        "final_sigmas_type": "zero",
        "interpolation_type": "linear",
        "sigma_max": None,
        "sigma_min": None,
        "steps_offset": 0,
        "timestep_spacing": "linspace",
        "timestep_type": "discrete",
        **_OFF,
    }
    fixed: ClassVar[dict[str, Any]] = {
        "interpolation_type": "linear",
        "sigma_max": None,
        "sigma_min": None,
        "timestep_type": "discrete",
    }
    schedules: ClassVar[dict[str, str]] = {**_OVER_SIGMAS, "trailing": "trailing"}

    def _is_usual(self, spacing: str, steps: int) -> bool:
        return self.config["final_sigmas_type"] == "zero" and super()._is_usual(spacing, steps)


class EulerAncestralDiscreteScheduler(OverSigmas):
    sampler = "Euler a"
    defaults: ClassVar[dict[str, Any]] = {"steps_offset": 0, "timestep_spacing": "linspace"}
    schedules: ClassVar[dict[str, str]] = {"linspace": "uniform", "trailing": "trailing"}


class LMSDiscreteScheduler(OverSigmas):
    sampler = "LMS"
    defaults: ClassVar[dict[str, Any]] = {
        "steps_offset": 0,
        "timestep_spacing": "linspace",
        **_OFF,
    }
    schedules: ClassVar[dict[str, str]] = _OVER_SIGMAS


class HeunDiscreteScheduler(LMSDiscreteScheduler):
    sampler = "Heun"
    takes: ClassVar[set[str]] = {"timesteps"}
    defaults: ClassVar[dict[str, Any]] = {"clip_sample": False, **LMSDiscreteScheduler.defaults}
    fixed: ClassVar[dict[str, Any]] = {"clip_sample": False}


class KDPM2DiscreteScheduler(LMSDiscreteScheduler):
    sampler = "DPM2"
    rounds_karras = True
    schedules: ClassVar[dict[str, str]] = {}


class KDPM2AncestralDiscreteScheduler(KDPM2DiscreteScheduler):
    sampler = "DPM2 a"


class LCMScheduler(OverTimesteps):
    sampler = "LCM"
    takes: ClassVar[set[str]] = {"timesteps"}
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

    def _is_usual(self, spacing: str, steps: int) -> bool:
        return True


class TCDScheduler(LCMScheduler):
    sampler = "TCD"


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
