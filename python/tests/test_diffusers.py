from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from conftest import DATA, GOLDEN, agreement, case_arguments

import drypoint
import drypoint.diffusers as ours

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


@pytest.fixture(scope="session")
def pipe_of_two(tiny: dict[str, Path]) -> ours.StableDiffusionControlNetPipeline:
    nets = [tiny["control"], DATA / "controls" / "control2.safetensors"]
    controlnet = ours.MultiControlNetModel([ours.ControlNetModel(path) for path in nets])
    pipe = ours.StableDiffusionControlNetPipeline.from_single_file(tiny["model"], controlnet)
    return pipe.to("cpu")


@pytest.fixture
def usual(pipe: ours.StableDiffusionControlNetPipeline) -> Any:
    """The pipeline, which is as it was again afterwards."""
    before = pipe.scheduler
    yield pipe
    pipe.scheduler = before
    pipe.unload_lora_weights()


@pytest.mark.parametrize("name", CASES)
def test_draws_what_diffusers_draws(
    usual: ours.StableDiffusionControlNetPipeline,
    pipe_of_two: ours.StableDiffusionControlNetPipeline,
    name: str,
) -> None:
    case = CASES[name]
    kind = getattr(ours, case.get("pipeline", "StableDiffusionControlNetPipeline"))
    pipe = kind.from_pipe(pipe_of_two if case.get("controls") == 2 else usual)
    scheduler = getattr(ours, case["scheduler"]).from_config(
        usual.scheduler.config, **case.get("config", {})
    )
    if case.get("refused"):
        with pytest.raises(drypoint.Unsupported, match=case["refused"]):
            pipe.scheduler = scheduler
        return
    pipe.scheduler = scheduler
    for adapter, file in case.get("loras", {}).items():
        pipe.load_lora_weights(DATA / "lora" / f"{file}.safetensors", adapter_name=adapter)
    if "adapters" in case:
        pipe.set_adapters(*case["adapters"])
    seeds = [Generator(seed) for seed in case.get("seeds", [7])]
    images = pipe(**case_arguments(case, seeds)).images
    for i, image in enumerate(images):
        expected = PIL.Image.open(GOLDEN / f"{name}_{i}.png")
        assert agreement(image, expected) >= 0.999


def test_bfloat16_on_a_cpu(tiny: dict[str, Path]) -> None:
    pipe = ours.StableDiffusionControlNetPipeline.from_single_file(
        tiny["model"], controlnet=tiny["control"], torch_dtype="torch.bfloat16"
    ).to("cpu")
    pipe.scheduler = ours.DDIMScheduler.from_config(pipe.scheduler.config)
    image = np.asarray(pipe(**case_arguments(CASES["ddim"], [Generator(7)])).images[0]).astype(int)
    expected = np.asarray(PIL.Image.open(GOLDEN / "ddim_0.png")).astype(int)
    difference = np.abs(image - expected)
    assert 0 < difference.mean() < 4  # other than in float32, and close to it


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
        ({"timesteps": [1]}, "PNDMScheduler: timesteps"),
        ({"output_type": "latent"}, "output_type"),
        ({"cross_attention_kwargs": {"gligen": {}}}, "cross_attention_kwargs"),
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
    with pytest.raises(drypoint.Unsupported, match="StableDiffusionXLPipeline"):
        from drypoint.diffusers import StableDiffusionXLPipeline  # noqa: F401
    with pytest.raises(drypoint.Unsupported, match="DPMSolverSDEScheduler"):
        from drypoint.diffusers import DPMSolverSDEScheduler  # noqa: F401
    with pytest.raises(AttributeError):
        usual.nothing  # noqa: B018
    with pytest.raises(drypoint.Unsupported, match="load_ip_adapter"):
        usual.load_ip_adapter("a")
    with pytest.raises(drypoint.BadArgument, match="controlnet"):
        ours.StableDiffusionPipeline.from_single_file(tiny["model"], controlnet=tiny["control"])
    plain = ours.StableDiffusionPipeline.from_pipe(usual)
    with pytest.raises(drypoint.BadArgument, match="^guidance_rescale: 1.5"):
        plain("a bird", guidance_rescale=1.5)
    inpaint = ours.StableDiffusionInpaintPipeline.from_pipe(usual)
    with pytest.raises(drypoint.Unsupported, match="^padding_mask_crop:"):
        inpaint("a bird", padding_mask_crop=32)
    with pytest.raises(drypoint.BadArgument, match="^image: found None"):
        inpaint("a bird")
    for name in ("controlnet_conditioning_scale", "control_guidance_end"):
        with pytest.raises(drypoint.BadArgument, match=f"^{name}: found 2"):
            usual("a bird", image=np.zeros((48, 64), np.uint8), **{name: [1.0, 0.5]})
    with pytest.raises(drypoint.BadFile, match="lllyasviel"):
        ours.ControlNetModel.from_pretrained("lllyasviel/sd-controlnet-canny")
    with pytest.raises(drypoint.Unsupported, match="safety_checker"):
        ours.StableDiffusionControlNetPipeline.from_single_file(
            tiny["model"], controlnet=tiny["control"], safety_checker=object()
        )
    for config in ({"solver_order": 4}, {"beta_start": 0.1}):
        with pytest.raises(drypoint.Unsupported, match=next(iter(config))):
            usual.scheduler = ours.UniPCMultistepScheduler.from_config(
                usual.scheduler.config, **config
            )

    class EulerDiscreteScheduler:  # as diffusers' own object
        config = dict(usual.scheduler.config)

    usual.scheduler = EulerDiscreteScheduler()
    assert usual.scheduler.fields()["sampler"] == "Euler"


def test_walks_where_diffusers_walks_at_the_edges() -> None:
    one = ours.EulerDiscreteScheduler().fields(1)
    assert one["timesteps"] == "0.0"  # of a linspace of one number
    assert ours.EulerDiscreteScheduler(final_sigmas_type="sigma_min").fields(1)["steps"] == 1
    last = ours.DPMSolverMultistepScheduler(
        use_exponential_sigmas=True, final_sigmas_type="sigma_min"
    ).fields(4)["sigmas"]
    first, second = (float(sigma) for sigma in last.split(",")[-2:])
    assert 0 < first - second < 1e-9


def test_levels_stand_for_the_models_own_schedule(
    usual: ours.StableDiffusionControlNetPipeline,
) -> None:
    walk = ours.HeunDiscreteScheduler.from_config({"timestep_spacing": "trailing"}).fields(2)
    request = drypoint.Request(schedule="trailing", prompt="a bird", size="64x64").replace(**walk)
    assert len(usual._model.pipeline.generate(request).images) == 1


def test_guess_mode_tells_of_its_scales(
    pipe: ours.StableDiffusionControlNetPipeline, edges: Edges
) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        pipe("", image=edges, guess_mode=True, num_inference_steps=1)
    assert any("guess_mode" in str(warning.message) for warning in told)


def test_adapters(usual: ours.StableDiffusionControlNetPipeline, tmp_path: Path) -> None:
    file = DATA / "lora" / "peft.safetensors"
    (tmp_path / "pytorch_lora_weights.safetensors").symlink_to(file)
    usual.load_lora_weights(tmp_path, adapter_name="a")
    usual.load_lora_weights(DATA / "lora", weight_name="kohya_unet.safetensors")
    assert usual.get_list_adapters()["unet"] == ["a", "default_1"]
    assert usual.get_active_adapters() == ["a"]
    with pytest.raises(drypoint.BadArgument, match="expected a choice by set_adapters"):
        usual("a bird", image=np.zeros((48, 64), np.uint8))
    usual.set_adapters("a", {"unet": 0.5, "text_encoder": 0.25})
    usual.fuse_lora(lora_scale=0.5)
    assert usual._model.adapters.field()[0].endswith("pytorch_lora_weights.safetensors=0.25:0.125")
    usual.unfuse_lora()
    usual.disable_lora()
    assert usual.get_active_adapters() == usual._model.adapters.field() == []
    usual.enable_lora()
    usual.delete_adapters("a")
    assert usual.get_list_adapters()["unet"] == ["default_1"]
    with pytest.raises(drypoint.BadArgument, match="adapter_names: 'a', expected default_1"):
        usual.set_adapters(["a"])
    with pytest.raises(drypoint.BadArgument, match="in use"):
        usual.load_lora_weights(file, adapter_name="default_1")
    with pytest.raises(drypoint.BadFile):
        usual.load_lora_weights("someone/some-lora")
    with pytest.raises(drypoint.Unsupported, match="dict"):
        usual.load_lora_weights({})
    with pytest.raises(drypoint.Error):
        usual.load_lora_weights(DATA / "lora" / "golden.safetensors")
    usual.unload_lora_weights()
    assert usual.get_list_adapters() == {}


def test_pipelines_by_their_folders(
    tiny: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "0123456789abcdef"
    folder = tmp_path / "models--someone--some-model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(drypoint.Unsupported, match="StableDiffusionXLPipeline"):
        ours.DiffusionPipeline.from_pretrained("someone/some-model")
    plain = ours.AutoPipelineForText2Image.from_pretrained(tiny["model"])
    assert type(plain) is ours.StableDiffusionPipeline
    steered = ours.AutoPipelineForInpainting.from_pretrained(
        tiny["model"], controlnet=tiny["control"]
    )
    assert type(steered) is ours.StableDiffusionControlNetInpaintPipeline
    again = ours.AutoPipelineForImage2Image.from_pipe(steered)
    assert type(again) is ours.StableDiffusionControlNetImg2ImgPipeline
    assert again._model is steered._model


def test_utilities(tmp_path: Path) -> None:
    from drypoint.diffusers.utils import load_image, make_image_grid

    image = load_image(str(DATA / "images" / "cat.png"))
    assert image.mode == "RGB"
    grid = make_image_grid([image] * 4, rows=2, cols=2, resize=32)
    assert grid.size == (64, 64)
    with pytest.raises(drypoint.Unsupported):
        load_image("https://example.org/a.png")
