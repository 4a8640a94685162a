from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from conftest import DATA, agreement

import drypoint
from drypoint.hackathon import hackathon


def test_the_originals_results(tiny: dict[str, Path]) -> None:
    cases = json.loads((DATA / "golden/process/cases.json").read_text())
    case = next(case for case in cases if case["name"] == "guess_mode")
    image = np.asarray(drypoint.Image(DATA / "images" / case["image"]))  # over white
    hk = hackathon()
    hk.initialize(tiny["model"], tiny["control"], device="cpu")
    edges, *pictures = hk.process(
        image,
        case["prompt"],
        case["a_prompt"],
        case["n_prompt"],
        case["num_samples"],
        case["image_resolution"],
        case["ddim_steps"],
        case["guess_mode"],
        case["strength"],
        case["scale"],
        case["seed"],
        case["eta"],
        case["low"],
        case["high"],
    )
    expected = np.array(PIL.Image.open(DATA / "golden/process/guess_mode_edges.png").convert("L"))
    assert edges.shape == (*expected.shape, 3)
    assert edges.dtype == pictures[0].dtype == np.uint8
    different = (255 - edges[:, :, 0] != expected).sum()
    assert different <= 0.005 * (expected > 0).sum()
    assert (edges == edges[:, :, :1]).all()
    assert len(pictures) == case["num_samples"]
    if different == 0:  # resized to the same values
        golden = PIL.Image.open(DATA / "golden/process/guess_mode_0.png")
        assert agreement(pictures[0], golden) >= 0.999
    # Its list of 7 steps has 8.
    same = drypoint.Pipeline(**tiny, device="cpu").generate(
        case["prompt"],
        image=image,
        added_prompt=case["a_prompt"],
        negative_prompt=case["n_prompt"],
        resolution=case["image_resolution"],
        steps=case["ddim_steps"],
        schedule="official",
        guess_mode=True,
        strength=case["strength"],
        guidance_scale=case["scale"],
        seed=case["seed"],
    )
    assert (same.arrays[0] == pictures[0]).all()


def test_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tiny: dict[str, Path]) -> None:
    hk = hackathon()
    arguments = (np.zeros((64, 64, 3), np.uint8), "", "", "", 1, 64, 3, False, 1, 9, -1, 0, 1, 2)
    with pytest.raises(drypoint.BadArgument, match="initialize"):
        hk.process(*arguments)
    monkeypatch.delenv("DRYPOINT_CHECKPOINT", raising=False)
    with pytest.raises(drypoint.BadArgument, match="DRYPOINT_CHECKPOINT"):
        hk.initialize()
    monkeypatch.setenv("DRYPOINT_CHECKPOINT", str(tiny["model"]))
    monkeypatch.setenv("DRYPOINT_CONTROL", str(tiny["control"]))
    hk.initialize(device="cpu")
    with pytest.raises(drypoint.BadArgument, match="steps"):  # the original fails there too
        hk.process(*arguments)
    assert len(hk.process(*arguments[:6], 2, *arguments[7:])) == 2
