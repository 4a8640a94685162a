from __future__ import annotations

import _thread
import io
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from conftest import DATA, agreement, command, gradient, mask

import drypoint

Edges = np.ndarray[Any, Any]


def test_the_references_picture(pipeline: drypoint.Pipeline) -> None:
    cases = json.loads((DATA / "golden/process/cases.json").read_text())
    case = next(case for case in cases if case["name"] == "two_samples")
    result = pipeline.generate(
        case["prompt"],
        edges=DATA / "golden/process/two_samples_edges.png",
        added_prompt=case["a_prompt"],
        negative_prompt=case["n_prompt"],
        samples=2,
        steps=case["ddim_steps"],
        schedule="official",
        guidance_scale=case["scale"],
        seed=case["seed"],
    )
    for i, image in enumerate(result.images):
        expected = PIL.Image.open(DATA / f"golden/process/two_samples_{i}.png")
        assert agreement(image, expected) >= 0.999


def test_files_are_those_of_the_command_line(
    pipeline: drypoint.Pipeline, tiny: dict[str, Path], tmp_path: Path
) -> None:
    source = DATA / "images" / "cat.png"
    command(
        *("generate", "-m", tiny["model"], "--control", f"canny={tiny['control']}", "-i", source),
        *("-p", "a cat", "--resolution", 64, "--steps", 3, "--seed", 5, "--samples", 2),
        *("--device", "cpu", "-o", tmp_path / "a.png"),
    )
    result = pipeline.generate("a cat", image=source, resolution=64, steps=3, seed=5, samples=2)
    saved = result.save(tmp_path / "b.png")
    assert [path.name for path in saved] == ["b_0.png", "b_1.png"]
    for i, path in enumerate(saved):
        assert path.read_bytes() == (tmp_path / f"a_{i}.png").read_bytes()
    assert drypoint.parse_parameters(result.parameters[0])["steps"] == 3
    assert result.images[0].info["parameters"] == result.parameters[0]


def test_previews(pipeline: drypoint.Pipeline, edges: Edges) -> None:
    seen: list[drypoint.Image] = []
    fields: dict[str, Any] = {"edges": edges, "steps": 6, "seed": 1}
    result = pipeline.generate("a", preview=seen.append, preview_steps=2, **fields)
    assert [np.asarray(image).shape for image in seen] == [(6, 8, 3)] * 2
    assert np.array_equal(result.arrays[0], pipeline.generate("a", **fields).arrays[0])
    with drypoint.Queue(pipeline) as queue:
        seen.clear()
        queue.push("a", preview=seen.append, preview_steps=3, **fields).result()
        assert len(seen) == 1

    def fail(_: drypoint.Image) -> None:
        raise KeyError("preview")

    with pytest.raises(KeyError, match="preview"):
        pipeline.generate("a", preview=fail, preview_steps=1, **fields)


def test_a_result_has_it_all(pipeline: drypoint.Pipeline, edges: Edges) -> None:
    seen: list[drypoint.Progress] = []
    result = pipeline.generate("a bird", edges=edges, steps=3, seed=7, progress=seen.append)
    assert result.seed == 7
    assert result.arrays[0].shape == (48, 64, 3)
    assert np.shares_memory(result.arrays[0], np.asarray(result.pictures[0]))
    assert (np.asarray(result.images[0]) == result.arrays[0]).all()
    assert (np.asarray(result.edges) == edges).all()
    assert set(result.seconds) == {"prepare", "text", "denoise", "decode"}
    steps = [(p.done, p.of, p.timestep) for p in seen if p.stage == "denoise" and p.done]
    assert steps == [(1, 3, 667), (2, 3, 334), (3, 3, 1)]
    assert "seed 7" in repr(result)
    assert "data:image/png;base64" in result._repr_html_()


def test_defaults_and_random_seeds(pipeline: drypoint.Pipeline, edges: Edges) -> None:
    request = pipeline.defaults()
    request.edges = edges
    request.steps = 1
    first, second = pipeline.generate(request), pipeline.generate(request)
    assert first.seed != second.seed
    again = pipeline.generate(request, seed=first.seed)
    assert (again.arrays[0] == first.arrays[0]).all()


def test_models_are_shared(
    pipeline: drypoint.Pipeline, tiny: dict[str, Path], edges: Edges
) -> None:
    device = drypoint.Device("cpu", threads=1)
    assert (device.name, device.threads) == ("cpu", 1)
    model = drypoint.Model(**tiny, device=device)
    pictures = [
        drypoint.Pipeline(model).generate("a bird", edges=edges, steps=2, seed=1).arrays[0]
        for _ in range(2)
    ]
    assert model.weight_bytes > 0
    expected = pipeline.generate("a bird", edges=edges, steps=2, seed=1).arrays[0]
    assert (pictures[0] == expected).all()
    assert (pictures[1] == expected).all()
    with pytest.raises(drypoint.BadArgument, match="threads: is a matter of the device"):
        drypoint.Model(**tiny, device=device, threads=2)
    with pytest.raises(drypoint.BadArgument, match='"modle".*"model"'):
        drypoint.Pipeline(modle="x")  # type: ignore[call-arg]
    with pytest.raises(drypoint.BadArgument, match="device: "):
        drypoint.Device("gpu")


def test_what_callbacks_raise_comes_out(pipeline: drypoint.Pipeline, edges: Edges) -> None:
    def fail(progress: drypoint.Progress) -> None:
        if progress.stage == "denoise":
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as raised:
        pipeline.generate(edges=edges, steps=2, progress=fail)
    assert raised.traceback[-1].name == "fail"
    with pytest.raises(drypoint.Cancelled):
        pipeline.generate(edges=edges, steps=999, stop=lambda: True)
    with pytest.raises(drypoint.BadArgument, match="callback"):
        pipeline.generate(edges=edges, progress=lambda _: pipeline.generate(edges=edges))


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT raises, also where the shell that began this in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_stops_it(pipeline: drypoint.Pipeline, edges: Edges) -> None:
    def press(progress: drypoint.Progress) -> None:
        if progress.stage == "denoise" and progress.done == 2:
            _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        pipeline.generate(edges=edges, steps=999, progress=press)
    assert pipeline.generate(edges=edges, steps=1).images  # it still draws


def test_the_gil_is_free(pipeline: drypoint.Pipeline, edges: Edges) -> None:
    drawing = threading.Event()
    ended = threading.Event()

    def draw() -> None:
        pipeline.generate(edges=edges, steps=200, progress=lambda p: p.done == 1 and drawing.set())
        ended.set()

    thread = threading.Thread(target=draw)
    thread.start()
    assert drawing.wait(60)
    turns = 0
    while not ended.is_set():
        turns += 1
        time.sleep(0)
    thread.join()
    assert turns > 100


def test_threads_take_turns(pipeline: drypoint.Pipeline, edges: Edges) -> None:
    def draw(seed: int) -> bytes:
        result = pipeline.generate("a bird", edges=edges, steps=2, seed=seed)
        return result.arrays[0].tobytes()

    alone = [draw(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(draw, range(4))) == alone


def test_bars_show_where_somebody_looks(
    pipeline: drypoint.Pipeline,
    edges: Edges,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline.generate(edges=edges, steps=2)
    assert capfd.readouterr().err == ""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    pipeline.generate(edges=edges, steps=2, progress=False)
    assert terminal.getvalue() == ""
    pipeline.generate(edges=edges, steps=2)
    assert "0/2" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r")  # and is gone


def test_another_control(tiny: dict[str, Path], edges: Edges) -> None:
    own = drypoint.Pipeline(**tiny, device="cpu")
    before = own.generate(edges=edges, steps=1, seed=1).arrays[0].copy()
    own.set_control(tiny["control"])
    assert (own.generate(edges=edges, steps=1, seed=1).arrays[0] == before).all()
    with pytest.raises(drypoint.BadFile):
        own.set_control("nowhere")
    own.prepare(["48x64", (64, 64)])


def test_controls_pictures_and_adapters(tiny: dict[str, Path], edges: Edges) -> None:
    own = drypoint.Pipeline(
        tiny["model"],
        controls={"canny": tiny["control"], "depth": DATA / "controls" / "control2.safetensors"},
        loras=DATA / "lora",
        device="cpu",
    )
    assert list(own.description.controls) == ["canny", "depth"]
    fields: dict[str, Any] = {"size": (48, 64), "steps": 3, "seed": 1}
    plain = own.generate("a bird", **fields)
    assert (plain.edges, plain.hints) == (None, [])
    depth = drypoint.Control(name="depth", image=gradient(), preprocessor="none", end=0.5)
    both = own.generate("a bird", controls=[{"name": "canny", "image": edges}, depth], **fields)
    assert len(both.hints) == 2
    assert (both.arrays[0] != plain.arrays[0]).any()
    adapted = own.generate("a bird", lora=["peft=0.5"], **fields)
    assert (adapted.arrays[0] != plain.arrays[0]).any()
    fields.update(init_image=gradient(), denoising_strength=0.5)
    whole = own.generate("a bird", **fields)
    assert "encode" in whole.seconds
    painted = own.generate("a bird", mask=mask(), paste_kept="on", **fields)
    assert (painted.arrays[0][:, :16] == gradient()[:, :16]).all()
    assert (painted.arrays[0] != whole.arrays[0]).any()
    again = own.generate("a bird", size=(48, 64), steps=3, seed=1)
    assert (again.arrays[0] == plain.arrays[0]).all()
    own.set_control(tiny["control"], "canny")
    with pytest.raises(drypoint.BadArgument, match="dept"):
        own.generate(controls=[{"name": "dept", "image": edges}], size=(48, 64))
    with pytest.raises(drypoint.BadArgument, match="controls"):
        drypoint.Pipeline(tiny["model"], controls=[tiny["control"]])  # type: ignore[arg-type]
