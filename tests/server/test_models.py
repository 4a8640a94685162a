"""Several models by name."""
import json
import shutil

import pytest
from conftest import MODEL, ROOT, as_base64, as_png, drawn_alone, edges, photo, picture, serving

DATA = ROOT / "tests/data"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The model again under another name, as the web UI keeps it, and its ControlNet."""
    base, control = MODEL[MODEL.index("-m") + 1], MODEL[MODEL.index("--control") + 1].removeprefix("canny=")
    folder = tmp_path_factory.mktemp("models")
    for kind, name, file in (("Stable-diffusion", "other.safetensors", base), ("ControlNet", "second_canny.safetensors", control)):
        (folder / kind).mkdir()
        shutil.copy(file, folder / kind / name)
    (folder / "Lora" / "inside").mkdir(parents=True)
    shutil.copy(DATA / "lora/kohya_unet.safetensors", folder / "Lora/inside/style.safetensors")
    shutil.copy(DATA / "controls/control2.safetensors", folder / "ControlNet/soft_scribble.safetensors")
    (folder / "VAE").mkdir()
    shutil.copy(base, folder / "VAE" / "same.safetensors")
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
        assert controls[1:] == ["second_canny", "soft_scribble"]
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


def test_several_controls_steer_at_once(folder, tmp_path):
    (tmp_path / "edges.png").write_bytes(as_png(edges()))
    (tmp_path / "photo.png").write_bytes(as_png(photo()))
    second = folder / "ControlNet/soft_scribble.safetensors"
    common = ("-p", "a cat", "--added-prompt", "", "-n", "", "--steps", "4", "--seed", "3", "--scale", "7", "--size", "64x64", "--sampler", "Euler")
    expected = drawn_alone(tmp_path, *common, "--control",
                           f"scribble={second},image={tmp_path}/photo.png,preprocessor=scribble_xdog,threshold_a=20,weight=0.6,start=0.25,end=0.75,mode=prompt",
                           "--edges", tmp_path / "edges.png")
    with serving("--models", folder) as server:
        first = server.get("/controlnet/model_list").json()["model_list"][0]
        units = [{"image": as_base64(edges()), "model": first},
                 {"image": as_base64(photo()), "model": "soft_scribble", "module": "scribble_xdog", "threshold_a": 20, "weight": 0.6,
                  "guidance_start": 0.25, "guidance_end": 0.75, "control_mode": 1, "pixel_perfect": True}]
        image, _ = drawn(server, steps=4, sampler_name="Euler", alwayson_scripts={"controlnet": {"args": units}})
        assert picture(image).tobytes() == expected.tobytes()
        assert server.metric("drypoint_models_loaded") == 1  # the one with both has taken the other's place
        job = server.submit(edges=None, steps=4, seed=3, size="64x64", sampler="Euler", added_prompt="", negative_prompt="",
                            guidance_scale=7, controls=[
                                {"image": as_base64(edges()), "preprocessor": "none"},
                                {"name": "soft_scribble", "image": as_base64(photo()), "preprocessor": "scribble_xdog",
                                 "threshold_a": 20, "weight": 0.6, "start": 0.25, "end": 0.75, "mode": "prompt"}])
        result = server.result(job).json()
        assert picture(result["images"][0]).tobytes() == expected.tobytes() and len(result["hints"]) == 2
        types = server.get("/controlnet/control_types").json()["control_types"]
        assert types["Scribble"]["default_option"] == "scribble_xdog" and types["Scribble"]["default_model"] == "soft_scribble"


def test_kinds_of_controls_have_the_extensions_names(tmp_path):
    for kind, name in (("openpose", "body_pose_model"), ("hed", "ControlNetHED"), ("mlsd", "mlsd_large_512_fp32"), ("normal_bae", "scannet")):
        shutil.copy(DATA / f"annotators/{kind}.safetensors", tmp_path / f"{name}.safetensors")
    with serving("--annotators", tmp_path) as server:
        types = server.get("/controlnet/control_types").json()["control_types"]
        for name, module in (("OpenPose", "openpose"), ("SoftEdge", "softedge_hed"), ("MLSD", "mlsd"), ("NormalMap", "normal_bae"),
                             ("Canny", "canny"), ("Lineart", "lineart_standard")):
            assert types[name]["default_option"] == module, name
        body = {"controlnet_module": "openpose", "controlnet_input_images": [as_base64(photo())], "controlnet_processor_res": 64}
        assert len(server.post("/controlnet/detect", body).json()["images"]) == 1
        control = {"image": as_base64(photo()), "preprocessor": f"softedge_hed:{DATA}/annotators/hed.safetensors"}
        answer = server.post("/api/v1/jobs", {"prompt": "a", "size": "64x64", "controls": [control]})
        assert answer.status_code == 400 and "controls[0].preprocessor" in answer.text, answer.text


def test_loras_are_called_by_prompt_or_list(folder, tmp_path):
    file = folder / "Lora/inside/style.safetensors"
    expected = drawn_alone(tmp_path, "-p", "a cat", "--added-prompt", "", "--steps", "2", "--seed", "3", "--size", "64x64", "--lora", f"{file}=0.5")
    fields = {"edges": None, "prompt": "a cat", "added_prompt": "", "size": "64x64", "seed": 3}
    with serving("--models", folder) as server:
        plain = server.result(server.submit(**fields)).json()["images"][0]
        listed = server.result(server.submit(**fields, lora=["style=0.5"])).json()["images"][0]
        called = server.result(server.submit(**{**fields, "prompt": "a cat<lora:style:0.5>"})).json()["images"][0]
        again = server.result(server.submit(**fields)).json()["images"][0]
        assert picture(listed).tobytes() == picture(called).tobytes() == expected.tobytes()
        assert picture(plain).tobytes() == picture(again).tobytes() != picture(listed).tobytes()
        for wrong in (str(file), "../Lora/inside/style", "no-such"):
            answer = server.post("/api/v1/jobs", {"prompt": "a", "lora": [wrong], "size": "64x64"})
            assert answer.status_code == 400 and answer.json()["error"]["field"] == "lora"
        assert server.get("/api/v1/info").json()["loras"] == ["style"]


def test_models_go_by_what_they_weigh(folder):
    with serving("--models", folder, "--model-memory", "1") as server:
        for model in ("other", "", "other"):
            drawn(server, override_settings={"sd_model_checkpoint": model} if model else {})
            for _ in range(100):
                if server.metric("drypoint_models_loaded") == 1:
                    break
            assert server.metric("drypoint_models_loaded") == 1


def test_a_vae_is_named(folder):
    with serving("--models", folder) as server:
        assert [one["model_name"] for one in server.get("/sdapi/v1/sd-vae").json()] == ["same"]
        usual, _ = drawn(server)
        named, _ = drawn(server, override_settings={"sd_vae": "same.safetensors"})
        assert picture(named).tobytes() == picture(usual).tobytes()  # of which it is a copy
        assert server.metric("drypoint_models_loaded") == 2
        (folder / "VAE" / "same.safetensors").write_bytes(b"damaged")
        job = server.post("/api/v1/jobs", {"model": "other", "vae": "same", "prompt": "a", "size": "64x64"})
        assert job.status_code == 400 and "same.safetensors" in job.json()["error"]["message"]
