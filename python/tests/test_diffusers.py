from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from conftest import agreement

import drypoint
import drypoint.diffusers as ours

GOLDEN = Path(__file__).parent / "golden"
CASES: dict[str, dict[str, Any]] = json.loads((GOLDEN / "cases.json").read_text())

Edges = np.ndarray[Any, Any]


class Generator:
    """What is asked of a torch.Generator that was made with this seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def initial_seed(self) -> int:
        return self._seed


@pytest.fixture(scope="session")
def pipe(tiny: dict[str, Path]) -> ours.StableDiffusionControlNetPipeline:
    controlnet = ours.ControlNetModel.from_single_file(tiny["control"])
    pipe = ours.StableDiffusionControlNetPipeline.from_single_file(
        tiny["model"], controlnet=controlnet, safety_checker=None
    )
    return pipe.to("cpu")


@pytest.fixture
def usual(pipe: ours.StableDiffusionControlNetPipeline) -> Any:
    """The pipeline, whose scheduler is as it was again afterwards."""
    before = pipe.scheduler
    yield pipe
    pipe.scheduler = before


@pytest.mark.parametrize("name", CASES)
def test_draws_what_diffusers_draws(
    usual: ours.StableDiffusionControlNetPipeline, edges: Edges, name: str
) -> None:
    case = CASES[name]
    kind = getattr(ours, case["scheduler"])
    scheduler = kind.from_config(usual.scheduler.config, **case.get("config", {}))
    seeds = [Generator(seed) for seed in case.get("seeds", [7])]
    prompts = case.get("prompts", ["a bird"])
    arguments = {
        "prompt": prompts,
        "image": PIL.Image.fromarray(edges),
        "negative_prompt": "lowres, bad anatomy",
        "generator": seeds if len(seeds) > 1 else seeds[0],
        "num_inference_steps": 8,
        **case.get("arguments", {}),
    }
    if case.get("refused"):
        with pytest.raises(drypoint.Unsupported, match=case["refused"]):
            usual.scheduler = scheduler
        return
    usual.scheduler = scheduler
    images = usual(**arguments).images
    for i, image in enumerate(images):
        assert agreement(image, PIL.Image.open(GOLDEN / f"{name}_{i}.png")) >= 0.999


def test_outputs_and_callbacks(usual: ours.StableDiffusionControlNetPipeline, edges: Edges) -> None:
    pipe = usual
    pipe.scheduler = ours.DDIMScheduler.from_config(pipe.scheduler.config)
    seen: list[tuple[int, int]] = []

    def report(own: Any, step: int, timestep: int, tensors: dict[str, Any]) -> dict[str, Any]:
        assert own is pipe
        seen.append((step, timestep))
        return tensors

    arguments: dict[str, Any] = {
        "image": edges.astype(np.float32) / 255,
        "num_inference_steps": 4,
        "callback_on_step_end": report,
    }
    arrays = pipe("a bird", generator=Generator(1), output_type="np", **arguments)[0]
    assert (arrays.shape, arrays.dtype) == ((1, 48, 64, 3), np.float32)
    assert seen == [(0, 751), (1, 501), (2, 251), (3, 1)]
    arguments["callback_on_step_end"] = lambda *_: {"latents": 0}
    with pytest.raises(drypoint.Unsupported, match="latents"):
        pipe("a bird", **arguments)
    arguments["callback_on_step_end"] = lambda *arguments: arguments[3]["latents"]
    with pytest.raises(drypoint.Unsupported, match="latents"):
        pipe("a bird", **arguments)

    def interrupt(own: Any, *_: Any) -> None:
        own._interrupt = True

    arguments.update(callback_on_step_end=interrupt, num_inference_steps=900)
    with pytest.raises(drypoint.Cancelled):
        pipe("a bird", **arguments)
    resized = pipe(image=PIL.Image.fromarray(edges), height=64, width=72, num_inference_steps=1)
    assert resized.images[0].size == (72, 64)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"latents": 0}, "latents"),
        ({"prompt_embeds": 0}, "prompt_embeds"),
        ({"timesteps": [1]}, "timesteps"),
        ({"output_type": "latent"}, "output_type"),
        ({"cross_attention_kwargs": {"scale": 0.5}}, "cross_attention_kwargs"),
        ({"control_guidance_end": 0.5}, "control_guidance_end"),
        ({"controlnet_conditioning_scale": [1.0, 0.5]}, "controlnet_conditioning_scale"),
        ({"prompt": ["a", "b"], "generator": Generator(1)}, "generator"),
        ({"image": np.full((48, 64), 0.3, np.float32)}, "image"),
    ],
)
def test_refuses_by_name(
    pipe: ours.StableDiffusionControlNetPipeline, edges: Edges, arguments: dict[str, Any], name: str
) -> None:
    with pytest.raises(drypoint.Unsupported, match=f"^{name}:"):
        pipe(**{"prompt": "a bird", "image": edges, **arguments})


def test_refuses_what_is_not_there(
    usual: ours.StableDiffusionControlNetPipeline, tiny: dict[str, Path]
) -> None:
    with pytest.raises(drypoint.Unsupported, match="load_lora_weights"):
        usual.load_lora_weights("a.safetensors")
    with pytest.raises(drypoint.Unsupported, match="StableDiffusionImg2ImgPipeline"):
        from drypoint.diffusers import StableDiffusionImg2ImgPipeline  # noqa: F401
    with pytest.raises(drypoint.Unsupported, match="DPMSolverSDEScheduler"):
        from drypoint.diffusers import DPMSolverSDEScheduler  # noqa: F401
    with pytest.raises(AttributeError):
        usual.nothing  # noqa: B018
    with pytest.raises(drypoint.BadFile, match="lllyasviel"):
        ours.ControlNetModel.from_pretrained("lllyasviel/sd-controlnet-canny")
    with pytest.raises(drypoint.Unsupported, match="safety_checker"):
        ours.StableDiffusionControlNetPipeline.from_single_file(
            tiny["model"], controlnet=tiny["control"], safety_checker=object()
        )
    for config in ({"solver_order": 3}, {"beta_start": 0.1}):
        with pytest.raises(drypoint.Unsupported, match=next(iter(config))):
            usual.scheduler = ours.UniPCMultistepScheduler.from_config(
                usual.scheduler.config, **config
            )

    class EulerDiscreteScheduler:  # as diffusers' own object
        config = dict(usual.scheduler.config)

    usual.scheduler = EulerDiscreteScheduler()
    assert usual.scheduler.fields()["sampler"] == "Euler"


def test_guess_mode_tells_of_its_scales(
    pipe: ours.StableDiffusionControlNetPipeline, edges: Edges
) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        pipe("", image=edges, guess_mode=True, num_inference_steps=1)
    assert any("guess_mode" in str(warning.message) for warning in told)
