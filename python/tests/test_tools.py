from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from conftest import DATA, command

import drypoint


def test_inspect(tiny: dict[str, Path]) -> None:
    info = drypoint.inspect(tiny["model"])
    assert info.layout == "safetensors"
    assert [part.name for part in info.parts] == ["UNet", "VAE", "text encoder"]
    unet = info.parts[0]
    assert (dict(unet.sizes)["channels"], unet.problems) == ([32, 32, 64, 64], [])
    assert sum(unet.dtypes.values()) == unet.parameters == unet.modules.parameters
    assert not drypoint.difference(tiny["model"], tiny["model"])
    assert drypoint.difference(tiny["model"], tiny["control"]).only_a
    with pytest.raises(drypoint.BadFile):
        drypoint.inspect(DATA / "images" / "cat.png")


def test_inspect_adapter() -> None:
    info = drypoint.inspect_adapter(DATA / "lora" / "kohya_unet.safetensors")
    assert {change.kind for change in info.changes} == {"LoRA"}
    assert all(change.rank > 0 and change.norm > 0 for change in info.changes)


def test_preprocess() -> None:
    about = drypoint.preprocessors()
    assert "canny" in about["canny"]["controls"]
    assert about["canny"]["threshold_a"]["usual"] == 100
    hint = drypoint.preprocess("canny", DATA / "images" / "cat.png", threshold_a=50)
    assert set(np.unique(hint)) == {0, 255}
    assert about["softedge_hed"]["files"] == ["ControlNetHED.pth"] and not about["canny"]["files"]
    assert about["openpose_hand"]["further_files"] == ["hand_pose_model.pth"]
    picture, weights = DATA / "annotators" / "picture.png", DATA / "annotators" / "hed.safetensors"
    edges = drypoint.preprocess("hed", picture, weights=weights, device="cpu")
    expected = np.asarray(PIL.Image.open(DATA / "annotators" / "hed.png").convert("L"), int)
    assert np.abs(np.asarray(edges, int).reshape(expected.shape) - expected).max() <= 1
    with pytest.raises(drypoint.BadArgument, match="ControlNetHED.pth"):
        drypoint.preprocess("hed", picture)
    with pytest.raises(drypoint.BadArgument, match="canny"):
        drypoint.preprocess("cany", DATA / "images" / "cat.png")


def test_pictures_are_drawn_again(
    tiny: dict[str, Path], edges: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    pipeline = drypoint.Pipeline(**tiny, device="cpu")
    request = drypoint.Request("a bird", edges=edges, steps=2, seed=9, sampler="Euler a")
    (path,) = pipeline.generate(request).save(tmp_path / "a.png")
    recalled = drypoint.recall(path)
    assert (recalled.source, recalled.missing) == ("drypoint", [])
    assert (recalled.fields["steps"], recalled.fields["seed"]) == (2, 9)
    assert recalled.parameters["sampler"] == "Euler a"
    again = pipeline.generate(recalled.request(edges=edges))
    (other,) = again.save(tmp_path / "b.png")
    assert other.read_bytes() == path.read_bytes()
    text = drypoint.picture_text(path.read_bytes())
    assert text["parameters"].startswith("a bird")
    assert drypoint.parse_parameters(text["parameters"])["steps"] == 2
    with pytest.raises(drypoint.BadFile):
        drypoint.recall(DATA / "images" / "cat.png")


def test_inspect_graph(tiny: dict[str, Path]) -> None:
    graph = drypoint.inspect_graph(**tiny, part="denoiser", size="48x64", device="cpu")
    assert graph.passes[0].name == "built"
    assert {operation.rate for operation in graph.operations} <= {"load", "picture", "step"}
    assert graph.svg().startswith("<svg")
    assert graph.memory_svg().startswith("<svg")
    assert graph.dot(before=True).startswith("digraph")


def test_bench_and_profile(tiny: dict[str, Path]) -> None:
    bench = drypoint.bench(
        **tiny, sizes=["48x64"], steps=2, iterations=2, warmup=0, device="cpu", threads=1
    )
    assert {part["name"] for part in bench["sizes"][0]["parts"]} >= {"text", "step", "vae"}
    profile = drypoint.profile(**tiny, size=(48, 64), steps=2, parts=["vae"], repeats=1)
    assert profile.to_dict()["parts"][0]["name"] == "vae"
    assert "<html" in profile.html()
    assert "iframe" in profile._repr_html_()
    assert profile.trace().startswith("{")


def test_plans(tiny: dict[str, Path], tmp_path: Path, edges: np.ndarray[Any, Any]) -> None:
    plan = tmp_path / "tiny.plan"
    steps: list[str] = []
    info = drypoint.build_plan(
        plan, **tiny, sizes=["48x64"], device="cpu", progress=lambda what, *_: steps.append(what)
    )
    assert (info.device, info.sizes) == ("cpu", [(48, 64)])
    assert "writing" in steps
    assert drypoint.inspect_plan(plan, verify=True).file_bytes == plan.stat().st_size
    fields: dict[str, Any] = {"prompt": "a bird", "edges": edges, "steps": 2, "seed": 1}
    planned = drypoint.Pipeline(plan=plan).generate(**fields)
    opened = drypoint.Pipeline(**tiny, device="cpu").generate(**fields)
    assert planned.pictures == opened.pictures


def test_export_and_synthesize(tmp_path: Path) -> None:
    drypoint.synthesize(tmp_path / "tiny.safetensors", "tiny", seed=3)
    files = drypoint.export_onnx(tmp_path, tmp_path / "tiny.safetensors", parts=["vae_decoder"])
    assert tmp_path / "vae_decoder.onnx" in files
    assert all(file.exists() for file in files)
    with pytest.raises(drypoint.BadArgument):
        drypoint.export_onnx(tmp_path, "random:tiny", parts=["vae"])
    with pytest.raises(drypoint.BadArgument):
        drypoint.synthesize(tmp_path / "a.safetensors", "large")


def test_score(tiny: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes((DATA / "images" / "cat.png").read_bytes())
    drawn: list[tuple[str, str]] = []
    result = drypoint.score(
        tmp_path,
        **tiny,
        device="cpu",
        base={"resolution": 64, "steps": 3},
        variants={"same": {}, "few": {"steps": 2}},
        prompts=["a cat", "a bird"],
        drawn=lambda variant, score, *_: drawn.append((variant, score.name)),
    )
    same, few = result.variants
    assert (same.name, same.mean_ssim) == ("same", 1)
    assert few.mean_ssim < 1
    assert ("few", "cat.png") in drawn
    with pytest.raises(drypoint.BadArgument, match="stepz"):
        drypoint.score(tmp_path, **tiny, variants={"a": {"stepz": 3}})


def test_edges_and_metrics() -> None:
    picture = DATA / "images" / "cat.png"
    edges = drypoint.edges(picture, 64, low_threshold=50, high_threshold=100)
    assert edges.channels == 1
    assert set(np.unique(edges)) == {0, 255}
    assert drypoint.edges(picture, size="48x64").shape == (48, 64)
    assert drypoint.psnr(picture, picture) == float("inf")
    assert drypoint.ssim(picture, picture) == 1
    with pytest.raises(drypoint.BadArgument):
        drypoint.psnr(edges, picture)


def test_the_command_comes_along() -> None:
    assert command("--version").strip() == drypoint.__version__
    done = subprocess.run(
        [sys.executable, "-m", "drypoint", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == drypoint.__version__
    assert "DDIM" in drypoint.samplers()


def test_the_demo_model_comes_along() -> None:
    assert drypoint.inspect(drypoint.demo_model()).missing_parts == []
    assert "demo" in repr(drypoint.Model(device="cpu"))


def test_errors_are_by_kind() -> None:
    from drypoint import errors

    kinds = {error.kind for error in errors.Error.__subclasses__()}
    assert kinds == set(errors.by_kind)
    assert len(kinds) == len(errors.__all__) - 1


def test_upscale() -> None:
    upscaler = drypoint.Upscaler(DATA / "upscalers" / "srvgg_x2.safetensors", device="cpu")
    tiles: list[tuple[int, int]] = []
    large = upscaler.upscale(
        DATA / "images" / "cat.png", tile=64, progress=lambda done, of: tiles.append((done, of))
    )
    small = np.asarray(drypoint.Image(DATA / "images" / "cat.png"))
    assert upscaler.scale == 2
    assert np.asarray(large).shape == (2 * small.shape[0], 2 * small.shape[1], 3)
    assert tiles[-1][0] == tiles[-1][1] > 1
    with pytest.raises(drypoint.Cancelled):
        upscaler.upscale(small, stop=lambda: True)
    with pytest.raises(drypoint.Unsupported):
        drypoint.Upscaler(DATA / "lora" / "kohya_unet.safetensors")


def test_calibrate_and_compare(tiny: dict[str, Path], tmp_path: Path) -> None:
    request = drypoint.Request(steps=2, size="64x64", seed=1)
    ranges = tmp_path / "ranges.safetensors"
    shared: dict[str, Any] = {"request": request, "prompts": ["a bird", "a cat"]}
    made = drypoint.calibrate(ranges, tiny["model"], step_groups=2, device="cpu", **shared)
    assert (made.drawings, made.resumed) == (2, 0)
    written = drypoint.inspect_calibration(ranges)
    assert [module.name for module in written.modules] == [module.name for module in made.modules]
    assert all(0 < module.range_i8 <= module.largest * 1.01 for module in made.modules)
    told: list[str] = []
    found = drypoint.compare(
        tiny["model"],
        a={"precision": "fp32"},
        b={"precision": "int8"},
        calibration=ranges,
        device="cpu",
        progress=told.append,
        **shared,
    )
    assert told
    assert any(module.rounded for module in found.modules)
    assert found.modules[0].worst == max(module.worst for module in found.modules)
    assert "<html" in found._repr_html_()
    with pytest.raises(drypoint.BadArgument, match="method"):
        drypoint.calibrate(ranges, tiny["model"], method="lamp", **shared)
    with pytest.raises(drypoint.BadArgument, match="precison"):
        drypoint.compare(tiny["model"], a={"precison": "fp32"}, b={}, **shared)
