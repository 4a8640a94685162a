"""Drypoint as a model of Triton's Python backend; config.pbtxt says what goes in and out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

import drypoint

PICTURES = {"IMAGE": "image", "EDGES": "edges"}


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        parameters = json.loads(args["model_config"]).get("parameters", {})
        files = {name: value.get("string_value") for name, value in parameters.items()}
        files = {name: path for name, path in files.items() if path}
        is_gpu = args["model_instance_kind"] == "GPU"
        device = f"cuda:{args['model_instance_device_id']}" if is_gpu else "cpu"
        self._queue = drypoint.Queue(drypoint.Model(**files, device=device))

    def execute(self, requests: list[Any]) -> list[Any]:
        """All rows of all requests are in line before the first is waited for."""
        rows = [self._push(request) for request in requests]
        return [self._response(jobs) for jobs in rows]

    def finalize(self) -> None:
        self._queue.stop()

    def _push(self, request: Any) -> list[drypoint.Job] | drypoint.Error:
        """A job for each row; what is wrong with the request concerns no other."""
        try:
            prompts = _texts(request, "PROMPT") or []
            fields = _texts(request, "FIELDS") or ["{}"] * len(prompts)
            requests = [
                drypoint.Request.from_json(json.dumps({**self._usual(), **json.loads(of_row)}))
                for of_row in fields
            ]
            for at, own in enumerate(requests):
                own.prompt = prompts[at]
                for name, attribute in PICTURES.items():
                    tensor = pb_utils.get_input_tensor_by_name(request, name)
                    if tensor is not None:
                        setattr(own, attribute, tensor.as_numpy()[at])
            return [self._queue.push(own) for own in requests]
        except ValueError as error:  # drypoint.BadArgument is one
            return error if isinstance(error, drypoint.Error) else drypoint.BadArgument(str(error))
        except drypoint.Error as error:
            return error

    def _usual(self) -> dict[str, Any]:
        return dict(json.loads(self._queue.model.defaults().to_json()))

    def _response(self, jobs: list[drypoint.Job] | drypoint.Error) -> Any:
        try:
            if isinstance(jobs, drypoint.Error):
                raise jobs
            results = [job.result() for job in jobs]
        except drypoint.Error as error:
            return pb_utils.InferenceResponse(
                output_tensors=[], error=pb_utils.TritonError(f"{error.kind}: {error}")
            )
        return pb_utils.InferenceResponse(
            output_tensors=[
                pb_utils.Tensor("PICTURE", np.stack([one.arrays[0] for one in results])),
                pb_utils.Tensor("SEED", np.array([[one.seed] for one in results], np.uint64)),
                pb_utils.Tensor(
                    "PARAMETERS",
                    np.array([[one.parameters[0].encode()] for one in results], np.object_),
                ),
            ]
        )


def _texts(request: Any, name: str) -> list[str] | None:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return tensor and [row[0].decode() for row in tensor.as_numpy()]
