"""Several models by name."""
import json
import shutil

import pytest
from conftest import MODEL, as_base64, edges, picture, serving


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The model again under another name, as the web UI keeps it, and its ControlNet."""
    base, control = MODEL[MODEL.index("-m") + 1], MODEL[MODEL.index("--control") + 1].removeprefix("canny=")
    folder = tmp_path_factory.mktemp("models")
    for kind, name, file in (("Stable-diffusion", "other.safetensors", base), ("ControlNet", "second_canny.safetensors", control)):
        (folder / kind).mkdir()
        shutil.copy(file, folder / kind / name)
    (folder / "Lora").mkdir()
    (folder / "Lora" / "style.safetensors").write_bytes(b"not read")
    return folder


def drawn(server, **more):
    body = {"prompt": "a cat", "steps": 2, "seed": 3, "width": 64, "height": 64,
            "alwayson_scripts": {"controlnet": {"args": [{"image": as_base64(edges())}]}}, **more}
    answer = server.post("/sdapi/v1/txt2img", body)
    assert answer.status_code == 200, answer.text
    return answer.json()["images"][0], json.loads(answer.json()["info"])["sd_model_name"]


def test_a_request_names_its_model(folder):
    with serving("--models", folder) as server:
        titles = [one["title"] for one in server.get("/sdapi/v1/sd-models").json()]
        assert titles[1:] == ["other.safetensors"]
        usual, name = drawn(server)
        assert server.metric("drypoint_models_loaded") == 1
        same, other = drawn(server, override_settings={"sd_model_checkpoint": "other.safetensors [0123456789]"})
        assert name != other and other.startswith("other")
        assert picture(usual).tobytes() == picture(same).tobytes()  # which it is a copy of
        assert server.metric("drypoint_models_loaded") == 2
        assert drawn(server)[1] == name  # restored afterwards
        assert server.post("/sdapi/v1/options", {"sd_model_checkpoint": "other"}).status_code == 200
        assert drawn(server)[1] == other and server.get("/api/v1/info").json()["model"] == "other"
        job = server.submit(model=titles[0], size="64x64")
        assert server.result(job).status_code == 200
        assert [one["id"] for one in server.get("/v1/models").json()["data"]] == [titles[0].split(".")[0], "other"]

        controls = server.get("/controlnet/model_list").json()["model_list"]
        assert controls[1:] == ["second_canny"]
        unit = {"image": as_base64(edges()), "model": "second_canny [01234567]"}
        again, _ = drawn(server, alwayson_scripts={"controlnet": {"args": [unit]}})
        assert picture(again).tobytes() == picture(usual).tobytes()
        assert server.get("/sdapi/v1/loras").json()[0]["name"] == "style"

        shutil.copy(folder / "Stable-diffusion" / "other.safetensors", folder / "later.safetensors")
        assert len(server.get("/sdapi/v1/sd-models").json()) == 2
        server.post("/sdapi/v1/refresh-checkpoints")
        assert len(server.get("/sdapi/v1/sd-models").json()) == 3
        assert server.post("/sdapi/v1/unload-checkpoint").status_code == 200
        assert server.metric("drypoint_models_loaded") == 0
        assert server.post("/sdapi/v1/reload-checkpoint").status_code == 200
        assert server.metric("drypoint_models_loaded") == 1
        (folder / "later.safetensors").write_bytes(b"damaged")
        answer = server.post("/api/v1/jobs", {"model": "later", "prompt": "a", "edges": as_base64(edges())})
        assert answer.status_code == 400 and "later.safetensors" in answer.json()["error"]["message"]
        (folder / "later.safetensors").unlink()


def test_those_used_longest_ago_go(folder):
    with serving("--models", folder, "--loaded", "1") as server:
        for _ in range(2):
            for model in ("other", ""):
                drawn(server, override_settings={"sd_model_checkpoint": model} if model else {})
                for _ in range(100):
                    if server.metric("drypoint_models_loaded") == 1:
                        break
                assert server.metric("drypoint_models_loaded") == 1
