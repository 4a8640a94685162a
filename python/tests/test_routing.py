"""Of drypoint.ray what needs no Ray."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import drypoint

spec = importlib.util.spec_from_file_location(  # the package itself imports Ray
    "routing", Path(drypoint.__file__).parent / "ray" / "routing.py"
)
assert spec is not None and spec.loader is not None
routing = importlib.util.module_from_spec(spec)
spec.loader.exec_module(routing)


def test_seeds_are_chosen_before() -> None:
    for path in ("/api/v1/jobs", "/sdapi/v1/txt2img", "/v1/images/generations"):
        for body in ({"prompt": "a"}, {"prompt": "a", "seed": -1}):
            chosen = json.loads(routing.with_seed(path, "", json.dumps(body).encode()))
            assert 0 <= chosen.pop("seed") < 2**32
            assert chosen == {"prompt": "a"}
        kept = b'{"seed": 7}'
        assert routing.with_seed(path, "", kept) == kept
        assert routing.with_seed(path, "", b"{") == b"{"
    assert routing.with_seed("/sdapi/v1/png-info", "", b"{}") == b"{}"


def test_forms_get_a_seed_too() -> None:
    kind = "multipart/form-data; boundary=abc"
    body = b'--abc\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na\r\n--abc--\r\n'
    changed = routing.with_seed("/v1/images/edits", kind, body)
    assert changed.endswith(body)
    assert changed.startswith(b'--abc\r\nContent-Disposition: form-data; name="seed"\r\n\r\n')
    assert routing.with_seed("/v1/images/edits", kind, changed) == changed


def test_jobs_get_an_id() -> None:
    assert len(json.loads(routing.with_id(b"{}"))["id"]) == 32
    assert routing.with_id(b'{"id": "mine"}') == b'{"id": "mine"}'


def test_models_are_named() -> None:
    body = {"model": "ink", "control": "canny", "prompt": "a <lora:b:0.5> <lora:a:1>"}
    assert routing.model_of(json.dumps(body).encode()) == "ink|canny|a|b"
    web = {"override_settings": {"sd_model_checkpoint": "ink"}, "prompt": "a"}
    assert routing.model_of(json.dumps(web).encode()) == "ink"
    assert routing.model_of(b"{}") == routing.model_of(b"no json") == ""
