"""The model repository without its server: a stand-in has what Triton's Python backend gives."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format, text_format
from tritonclient.grpc import InferInput, model_config_pb2

import drypoint

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "triton" / "drypoint"


@dataclass
class Tensor:
    name: str
    values: np.ndarray[Any, Any]

    def as_numpy(self) -> np.ndarray[Any, Any]:
        return self.values


@dataclass
class InferenceResponse:
    output_tensors: list[Tensor]
    error: Exception | None = None


@dataclass
class InferenceRequest:
    inputs: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)


def get_input_tensor_by_name(request: InferenceRequest, name: str) -> Tensor | None:
    return Tensor(name, request.inputs[name]) if name in request.inputs else None


@pytest.fixture(scope="module")
def config() -> Any:
    return text_format.Parse((FOLDER / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())


@pytest.fixture(scope="module")
def model(config: Any) -> Any:
    utils = types.ModuleType("triton_python_backend_utils")
    for one in (Tensor, InferenceResponse, get_input_tensor_by_name):
        setattr(utils, one.__name__, one)
    utils.TritonError = RuntimeError  # type: ignore[attr-defined]
    sys.modules[utils.__name__] = utils
    spec = importlib.util.spec_from_file_location("model", FOLDER / "1" / "model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config.parameters["model"].string_value = "random:tiny"
    own = module.TritonPythonModel()
    own.initialize(
        {
            "model_config": json.dumps(
                json_format.MessageToDict(config, preserving_proto_field_name=True)
            ),
            "model_instance_kind": "CPU",
            "model_instance_device_id": "0",
        }
    )
    yield own
    own.finalize()


def ask(prompts: list[str], fields: list[dict[str, Any]], **pictures: Any) -> InferenceRequest:
    def texts(values: list[str]) -> np.ndarray[Any, Any]:
        return np.array([[value.encode()] for value in values], np.object_)

    return InferenceRequest(
        {"PROMPT": texts(prompts), "FIELDS": texts([json.dumps(one) for one in fields]), **pictures}
    )


def test_the_config_is_triton_s(config: Any) -> None:
    assert (config.name, config.backend) == (FOLDER.name, "python")
    for one in config.input:  # as a client would send it
        kind = model_config_pb2.DataType.Name(one.data_type).removeprefix("TYPE_")
        InferInput(
            one.name, [1, *(max(side, 1) for side in one.dims)], kind.replace("STRING", "BYTES")
        )
    assert [one.name for one in config.output] == ["PICTURE", "SEED", "PARAMETERS"]


def test_draws_what_drypoint_draws(model: Any) -> None:
    edges = np.zeros((2, 64, 64, 1), np.uint8)
    edges[:, 8:56, 8] = 255
    fields = [{"steps": 3, "seed": seed} for seed in (5, 6)]
    both, alone = model.execute(
        [ask(["a bird", "a cat"], fields, EDGES=edges), ask(["a cat"], fields[1:], EDGES=edges[1:])]
    )
    outputs = {one.name: one.as_numpy() for one in both.output_tensors}
    assert outputs["PICTURE"].shape == (2, 64, 64, 3)
    assert outputs["SEED"].tolist() == [[5], [6]]
    assert outputs["PARAMETERS"][1][0].startswith(b"a cat")
    assert (alone.output_tensors[0].as_numpy()[0] == outputs["PICTURE"][1]).all()
    expected = drypoint.Pipeline("random:tiny", device="cpu").generate(
        "a bird", edges=edges[0, :, :, 0], steps=3, seed=5
    )
    assert (outputs["PICTURE"][0] == expected.arrays[0]).all()


def test_errors_are_a_request_s_own(model: Any) -> None:
    fields = {"steps": 2, "seed": 1, "size": "64x64"}
    wrong, right, unknown = model.execute(
        [
            ask(["a"], [{**fields, "steps": 0}]),
            ask(["a"], [fields]),
            ask(["a"], [{**fields, "stepz": 3}]),
        ]
    )
    assert "steps: 0" in str(wrong.error)
    assert right.error is None
    assert "stepz" in str(unknown.error)
