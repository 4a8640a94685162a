from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from conftest import DATA, command

import drypoint


def test_fields_are_those_of_the_command_line(tiny: dict[str, Path], tmp_path: Path) -> None:
    out = command(
        *("generate", "-m", tiny["model"], "--control", f"canny={tiny['control']}"),
        *("--edges", DATA / "golden/process/scale_one_edges.png", "-p", "a bird", "--seed", 3),
        *("--steps", 1, "--scale", 7.5, "--size", "auto", "--json", "-o", tmp_path / "a.png"),
    )
    request = drypoint.Request("a bird", seed=3, steps=1, guidance_scale=7.5)
    assert json.loads(out)["request"] == json.loads(request.to_json())
    assert drypoint.Request.from_json(request.to_json()).to_dict() == request.to_dict()


def test_values_come_back() -> None:
    values: dict[str, Any] = {
        "prompt": 'a "b", \n ü',
        "steps": 7,
        "seed": 2**64 - 1,
        "guidance_scale": 0.1,
        "eta": 0.5,
        "guess_mode": True,
        "sampler": "DPM++ 2M Karras",
        "noise": "per-sample",
    }
    request = drypoint.Request(**values)
    assert {name: getattr(request, name) for name in values} == values
    assert drypoint.Request(size=(64, 96)).size == "64x96"
    assert drypoint.Request(steps=np.int64(5), eta=np.float32(0.5)).eta == 0.5
    assert request.replace(seed=None, eta=None).seed is None
    assert request.seed == 2**64 - 1
    for name in drypoint.Request().to_dict():
        assert f"{name}: " in str(drypoint.Request.__doc__)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, "steps: 0, expected 1 to 999"),
        ({"steps": "20"}, "steps: '20', expected an int, 1 to 999"),
        ({"steps": 1.5}, "steps: 1.5, expected an int"),
        ({"steps": None}, "steps: None"),
        ({"guess_mode": 1}, "guess_mode: 1, expected a bool"),
        ({"guidance_scale": float("nan")}, "guidance_scale: nan"),
        ({"guidance_scale": True}, "guidance_scale: True"),
        ({"prompt": b"a"}, "request"),
        ({"noise": "all"}, 'noise: "all", expected batch or per-sample'),
        ({"step": 3}, '"step" is no keyword of a request; the nearest is "steps"'),
        ({"size": (64, 96, 3)}, "size"),
    ],
)
def test_refuses(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(drypoint.BadArgument) as refused:
        drypoint.Request(**fields)
    assert message in str(refused.value)
    assert isinstance(refused.value, ValueError)
    assert refused.value.kind == "bad_argument"


def test_controls_and_pictures_come_back() -> None:
    picture = np.zeros((32, 48, 3), np.uint8)
    control = drypoint.Control(image=picture, weight=0.5, end=0.8, mode="prompt")
    request = drypoint.Request(
        controls=[control, {"name": "depth", "image": picture}],
        init_image=picture,
        mask=picture[:, :, 0],
    )
    assert [one.weight for one in request.controls] == [0.5, 1.0]
    assert request.controls[1].name == "depth"
    assert request.mask is not None
    assert (request.mask.channels, request.mask.width) == (1, 48)
    assert "init_image=<48x32>" in repr(request)
    assert "weight=0.5" in repr(request)
    copy = pickle.loads(pickle.dumps(request))
    assert repr(copy) == repr(request)
    assert copy.controls[0].image == drypoint.Image(picture)
    assert request.replace(init_image=None, mask=None, controls=[]).controls == ()
    for wrong in ("depth", [3], [{"nam": "depth"}], [{"start": 2}]):
        with pytest.raises(drypoint.BadArgument):
            drypoint.Request(controls=wrong)


def test_a_refused_value_changes_nothing() -> None:
    request = drypoint.Request(steps=5)
    with pytest.raises(drypoint.BadArgument):
        request.steps = 1000
    assert request.steps == 5
    with pytest.raises(AttributeError):
        request.stepz = 5  # type: ignore[attr-defined]


def test_is_pickled(edges: np.ndarray[Any, Any]) -> None:
    request = drypoint.Request("a bird", edges=edges, steps=3, seed=1)
    copy = pickle.loads(pickle.dumps(request))
    assert copy.to_dict() == request.to_dict()
    assert copy.edges == request.edges
    assert copy.image is None


def test_levels_one_by_one() -> None:
    request = drypoint.Request("a", steps=2, sigmas=(14, 2.5, 0.0), timesteps=[999, 5])
    assert (request.sigmas, request.timesteps) == ("14,2.5,0", "999,5")
    spread = drypoint.sigmas_between("karras", 3, 0.5, 2)
    assert len(spread) == 3
    told = drypoint.Request("a", sigmas=spread).sigmas
    assert [float(number) for number in told.split(",")] == spread
    with pytest.raises(drypoint.BadArgument, match="sigmas"):
        drypoint.Request("a", sigmas=["lamp"])
    with pytest.raises(drypoint.BadArgument, match="expected karras"):
        drypoint.sigmas_between("lcm", 3, 0.5, 2)


def test_pictures_of_any_kind() -> None:
    path = DATA / "pictures" / "rgba.png"
    expected = drypoint.Image(path)
    picture = PIL.Image.open(path)
    array = np.array(picture)
    assert array.shape[2] == 4
    for source in (str(path), path.read_bytes(), picture, array, expected, array[::-1][::-1]):
        assert drypoint.Image(source) == expected, type(source)
    for name in ("grey.png", "palette_alpha.png", "grey_alpha.png", "plain.png", "one_bit.png"):
        path = DATA / "pictures" / name
        own = np.asarray(drypoint.Image(path))
        with PIL.Image.open(path) as picture:
            read = np.asarray(drypoint.Image(picture))
        read = read if read.ndim == 3 else read[..., None]
        assert (np.broadcast_to(read, own.shape) == own).all()
    assert drypoint.Request(image=array).image == expected
    assert drypoint.Request(edges=array[:, :, 0]).edges.channels == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((32, 32), np.float32), "no uint8"),
        (np.zeros((32, 32, 2), np.uint8), "the last of 2"),
        (np.zeros(32, np.uint8), "1 dimensions"),
        (np.zeros((8, 32), np.uint8), "sides of at least 16"),
        (PIL.Image.new("I;16", (32, 32)), "more than 8 bits"),
        (3.5, "float"),
        (b"no picture", "image"),
    ],
)
def test_refuses_pictures(source: Any, message: str) -> None:
    with pytest.raises(drypoint.Error, match=message):
        drypoint.Request(image=source)


def test_missing_files_are_os_errors() -> None:
    with pytest.raises(OSError, match="nowhere.png: cannot be opened"):
        drypoint.Request(image="nowhere.png")
    with pytest.raises(drypoint.BadFile):
        drypoint.Model("nowhere.safetensors")


def test_arrays_share_memory() -> None:
    image = drypoint.Image(DATA / "pictures" / "plain.png")
    array = np.asarray(image)
    assert np.shares_memory(array, image.numpy())
    assert np.shares_memory(array, np.from_dlpack(image))
    assert array.shape == image.shape == (image.height, image.width, 3)
    del image
    assert array.sum() > 0
