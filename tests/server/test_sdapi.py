"""The web UI's API, by clients as PyPI has them, and by requests as other programs send them."""
import json
import threading
import time

import numpy
import pytest
import sd_backend_client as sd
import webuiapi
from conftest import as_base64, as_png, drawn_alone, edges, photo, picture
from sd_backend_client.api.shared_data.controlnet.controlnet_model import ControlNetModel


@pytest.fixture(scope="module")
def api(server):
    return webuiapi.WebUIApi(host=server.host, port=int(server.port), sampler="Euler a", steps=3)


def unit(api, image=None, **more):
    return webuiapi.ControlNetUnit(image=image or photo(), module="canny", model=api.controlnet_model_list()[0],
                                   pixel_perfect=True, threshold_a=50, threshold_b=200, **more)


def test_webuiapi_draws_what_the_command_line_draws(server, api, tmp_path):
    (tmp_path / "photo.png").write_bytes(as_png(photo()))
    result = api.txt2img(prompt="a cat", negative_prompt="a dog", seed=5, steps=3, cfg_scale=7, width=64, height=64,
                         sampler_name="Euler", scheduler="Karras", batch_size=2, controlnet_units=[unit(api)])
    assert len(result.images) == 3  # two, and what ControlNet saw
    assert result.info["all_seeds"] == [5, 6] and result.info["sampler_name"] == "Euler"
    for number, seed in enumerate((5, 6)):
        alone = drawn_alone(tmp_path, "-i", tmp_path / "photo.png", "-p", "a cat", "-n", "a dog", "--added-prompt", "",
                            "--seed", str(seed), "--steps", "3", "--scale", "7", "--size", "64x64", "--sampler",
                            "Euler Karras", "--low-threshold", "50")
        assert numpy.array_equal(numpy.asarray(result.images[number]), numpy.asarray(alone))
        assert alone.info["parameters"].splitlines()[0] == result.info["infotexts"][number].splitlines()[0]
    assert set(numpy.unique(numpy.asarray(result.images[2]))) == {0, 255}


def test_webuiapi_reads_all_lists(server, api):
    names = [one["name"] for one in api.get_samplers()]
    assert {"Euler", "Euler a", "DPM++ 2M", "DDIM"} <= set(names)
    assert "karras" in [one["name"] for one in api.get_schedulers()]
    assert api.util_get_current_model() in api.util_get_model_names()
    assert {"none", "canny", "scribble_xdog", "inpaint_only"} <= set(api.controlnet_module_list())
    assert api.controlnet_version() == 3
    assert api.get_upscalers()[0]["name"] == "None"
    for empty in (api.get_hypernetworks, api.get_face_restorers, api.get_realesrgan_models, api.get_prompt_styles,
                  api.get_loras):
        assert empty() == []
    assert api.get_embeddings()["loaded"] == {} and api.get_memory()["ram"]["used"] > 0
    assert api.get_progress()["progress"] == 0 and api.get_progress()["state"]["job_count"] == 0
    assert api.get_cmd_flags() == {} and "controlnet" in api.get_scripts()["txt2img"]
    assert api.refresh_checkpoints() == {}


def test_webuiapi_detects_and_reads_png(server, api):
    found = api.controlnet_detect(images=[photo()], module="canny", processor_res=64, threshold_a=50, threshold_b=200)
    assert set(numpy.unique(numpy.asarray(found.images[0]))) == {0, 255}
    drawn = api.txt2img(prompt="a cat, red", seed=9, width=64, height=64, controlnet_units=[unit(api)])
    info = api.png_info(drawn.images[0])
    assert info.info.startswith("a cat, red\n") and info.parameters["Seed"] == "9"


def test_options_are_kept_and_refused_by_name(server, api):
    whole = api.get_options()
    assert api.set_options(whole) is None  # Open WebUI sends them all back
    api.set_options({"CLIP_stop_at_last_layers": 2})
    try:
        assert api.get_options()["CLIP_stop_at_last_layers"] == 2
        drawn = api.txt2img(prompt="a cat", seed=1, width=64, height=64, controlnet_units=[unit(api)])
        assert drawn.info["clip_skip"] == 2
    finally:
        api.set_options({"CLIP_stop_at_last_layers": 1})
    for wrong in ({"sd_model_checkpoint": "no-such.safetensors"}, {"face_restoration": True}, {"sd_vae": "x.pt"},
                  {"CLIP_stop_at_last_layers": 99}):
        answer = server.post("/sdapi/v1/options", wrong)
        assert answer.status_code == 422 and next(iter(wrong)) in answer.json()["detail"]
    assert api.get_options() == whole


def body(server, **more):
    model = server.get("/controlnet/model_list").json()["model_list"][0]
    args = [{"image": as_base64(photo()), "module": "canny", "model": model, "pixel_perfect": True}]
    return {"prompt": "a cat", "steps": 2, "width": 64, "height": 64, "seed": 3,
            "alwayson_scripts": {"controlnet": {"args": args}}, **more}


@pytest.mark.parametrize("fields, status, named", [
    ({"sampler_name": "Eular"}, 400, "Sampler not found"),
    ({"steps": 0}, 422, "steps"), ({"steps": 1000}, 422, "steps"), ({"steps": 200}, 413, "steps"),
    ({"width": 4096, "height": 4096}, 413, "pixels"), ({"width": 63}, 422, "width, height"),
    ({"batch_size": 17}, 413, "batch_size"), ({"batch_size": 4, "n_iter": 5}, 413, "n_iter"),
    ({"tiling": True}, 422, "tiling"),
    ({"restore_faces": True}, 422, "restore_faces"), ({"styles": ["a"]}, 422, "styles"),
    ({"subseed_strength": 1.5}, 422, "subseed_strength"), ({"initial_noise_multiplier": 2}, 422, "initial_noise_multiplier"),
    ({"enable_hr": True, "hr_scale": 8}, 413, "pixels"), ({"enable_hr": True, "hr_upscaler": "ESRGAN"}, 422, "hr_upscaler"),
    ({"enable_hr": True, "hr_sampler_name": "DDIM"}, 422, "hr_sampler_name"),
    ({"enable_hr": True, "hr_resize_x": 128, "hr_resize_y": 256}, 422, "hr_resize_x"),
    ({"override_settings": {"sd_vae": "no-such"}}, 422, "sd_vae"),
    ({"script_name": "x/y plot"}, 422, "Script 'x/y plot' not found"),
    ({"alwayson_scripts": {"adetailer": {"args": [{}]}}}, 422, "always on script adetailer not found"),
    ({"override_settings": {"sd_model_checkpoint": "other"}}, 422, "sd_model_checkpoint"),
    ({"prompt": 5}, 422, "prompt"), ({"cfg_scale": "high"}, 422, "cfg_scale"),
])
def test_what_is_wrong_is_named(server, fields, status, named):
    answer = server.post("/sdapi/v1/txt2img", body(server, **fields))
    assert answer.status_code == status and named in answer.json()["detail"], answer.text
    assert set(answer.json()) == {"error", "detail", "body", "errors"}


@pytest.mark.parametrize("field, value", [
    ("module", "no-such"), ("model", "no-such"), ("control_mode", "My prompt"), ("resize_mode", 7),
    ("guidance_start", 2), ("mask", as_base64(photo())), ("hr_option", "High res only"), ("advanced_weighting", [1, "a"]),
    ("guidance_end", -1), ("effective_region_mask", "AAAA"), ("image", "http://localhost/a.png"), ("image", "!!"), ("weight", -1),
])
def test_what_is_wrong_with_a_unit_is_named(server, field, value):
    wrong = body(server)
    wrong["alwayson_scripts"]["controlnet"]["args"][0][field] = value
    answer = server.post("/sdapi/v1/txt2img", wrong)
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["detail"]


def test_extra_keys_of_other_programs_do_no_harm(server):
    silly = {"url": "http://localhost", "auth": "", "restore_faces": False, "clip_skip": 1, "save_images": False,
             "send_images": True, "do_not_save_grid": False, "do_not_save_samples": False, "sampler_name": "Euler a",
             "scheduler": "Karras", "enable_hr": False, "hr_upscaler": "Latent", "hr_scale": 1, "denoising_strength": 0.7,
             "override_settings": {"CLIP_stop_at_last_layers": 1}, "override_settings_restore_afterwards": True}
    answer = server.post("/sdapi/v1/txt2img", body(server, **silly))
    assert answer.status_code == 200, answer.text
    assert picture(answer.json()["images"][0]).size == (64, 64)
    assert json.loads(answer.json()["info"])["seed"] == 3
    # Old forms of a unit: input_image, numbers for modes, names in other case.
    old = body(server)
    args = old["alwayson_scripts"].pop("controlnet")["args"]
    args[0].update(input_image=args[0].pop("image"), resize_mode=1, control_mode=0, lowvram=False, module="Canny")
    old["alwayson_scripts"]["ControlNet"] = {"args": args}
    again = server.post("/sdapi/v1/txt2img", old)
    new = server.post("/sdapi/v1/txt2img", body(server))
    assert again.json()["images"] == new.json()["images"]


def test_interrupt_and_skip_end_what_they_name(server):
    answers = {}

    def draw(name, **more):
        answers[name] = server.post("/sdapi/v1/txt2img", body(server, **more))

    def wait_for(count):
        for _ in range(500):
            state = server.get("/sdapi/v1/progress").json()["state"]
            if state["job_count"] == count and state["sampling_step"] > 0:
                return
            time.sleep(0.02)
        raise AssertionError("it does not begin")

    threads = [threading.Thread(target=draw, args=("long",), kwargs={"steps": 150, "force_task_id": "task(long)"})]
    threads[0].start()
    wait_for(1)
    assert server.post("/sdapi/v1/interrupt?id_task=other").json() == {}  # of somebody else
    assert server.get("/sdapi/v1/progress").json()["progress"] > 0
    assert server.post("/sdapi/v1/interrupt").json() == {}
    threads[0].join()
    assert answers["long"].status_code == 200 and answers["long"].json()["images"] == []
    assert server.get("/sdapi/v1/progress").json()["state"]["job_count"] == 0

    threads = [threading.Thread(target=draw, args=("two",), kwargs={"steps": 100, "n_iter": 2})]
    threads[0].start()
    wait_for(2)
    assert server.post("/sdapi/v1/skip").json() == {}
    threads[0].join()
    assert answers["two"].status_code == 200 and len(answers["two"].json()["images"]) == 2  # one, and its edges
    assert json.loads(answers["two"].json()["info"])["all_seeds"] == [4]


def test_sd_backend_client(server):
    backend = sd.connect_to_backend(server.url)
    assert isinstance(backend, sd.A1111Webservice)
    able = backend.get_capabilities()
    assert able.controlnet and able.scheduler and not able.ultimate_upscale and not able.interrogate
    assert len(backend.list_checkpoints()) == 1 and len(backend.list_samplers()) > 10
    models = backend.list_controlnet_models()
    types = backend.get_controlnet_type_categories() if hasattr(backend, "get_controlnet_type_categories") else None
    assert types is None or types
    canny = next(one for one in backend.get_controlnet_preprocessors() if one.name == "canny")
    preview = backend.submit_preprocessor_preview(photo(), canny).wait()
    assert set(numpy.unique(numpy.asarray(preview.images[0].convert("L")))) == {0, 255}
    params = sd.DiffusionRequestBody(prompt="a cat", steps=2, width=64, height=64, seed=3, batch_size=2,
                                     sampler="Euler a", scheduler="Karras")
    params.controlnet_units = [sd.ControlNetUnit(image=photo(), preprocessor=sd.PreprocessorParams(typedef=canny),
                                                 model=[m for m in models if "one" not in m.full_model_name.lower()][0])]
    result = backend.submit_txt2img(params).wait()
    assert [image.size for image in result.images][:2] == [(64, 64)] * 2

    params.steps = 150
    handle = backend.submit_txt2img(params)
    while backend.progress_check().state.job_count == 0:
        time.sleep(0.02)
    handle.cancel()
    for _ in range(200):
        if backend.progress_check().state.job_count == 0:
            return
        time.sleep(0.05)
    raise AssertionError("cancelling ends nothing")


def test_silly_tavern_asks_for_lists_and_draws(server):
    """Its requests as they stand in its sources (1.12): lists first, then a picture with keys of its own beside."""
    assert server.get("/sdapi/v1/upscalers").json()[0]["name"] == "None"
    assert "Latent" in [one["name"] for one in server.get("/sdapi/v1/latent-upscale-modes").json()]
    model = server.get("/sdapi/v1/sd-models").json()[0]["title"]
    assert server.get("/sdapi/v1/options").json()["sd_model_checkpoint"] == model
    assert server.get("/sdapi/v1/sd-vae").json() == [] and server.get("/sdapi/v1/sd-modules").status_code == 404
    assert server.post("/sdapi/v1/options", {"sd_model_checkpoint": model}).status_code == 200
    asked = {"url": server.url, "auth": "", "prompt": "a cat", "negative_prompt": "", "sampler_name": "Euler a", "scheduler": "Karras",
             "steps": 2, "cfg_scale": 7, "width": 64, "height": 64, "restore_faces": False, "enable_hr": True, "hr_upscaler": "Latent",
             "hr_scale": 1.5, "hr_additional_modules": [], "denoising_strength": 0.7, "hr_second_pass_steps": 0, "seed": -1,
             "override_settings": {"CLIP_stop_at_last_layers": 1, "sd_vae": "Automatic"}, "override_settings_restore_afterwards": True,
             "clip_skip": 1, "save_images": True, "send_images": True, "do_not_save_grid": False, "do_not_save_samples": False}
    drawn = server.post("/sdapi/v1/txt2img", asked)
    assert drawn.status_code == 200 and picture(drawn.json()["images"][0]).size == (96, 96), drawn.text
    assert server.post("/sdapi/v1/interrupt").json() == {}
    assert server.get("/sdapi/v1/progress").json()["progress"] == 0


def test_image_generation_mcp(server):
    """What it finds out, and the body that it would send, with small sides."""
    import asyncio
    from image_generation_mcp.providers import sd_webui

    async def use():
        provider = sd_webui.SdWebuiImageProvider(server.url)
        able = await provider.discover_capabilities()
        body, _, _ = provider._build_payload(prompt="a cat", negative_prompt="a dog", aspect_ratio="1:1", effective_model=able.models[0].model_id,
                                             preset=sd_webui._resolve_preset(able.models[0].model_id))
        await provider.aclose()
        return body
    body = asyncio.run(use())
    answer = server.post("/sdapi/v1/txt2img", {**body, "steps": 2, "width": 64, "height": 64})
    assert answer.status_code == 200 and picture(answer.json()["images"][0]).size == (64, 64), answer.text


def test_open_webui_sends_all_options_back_and_draws(server):
    """Its requests as they stand in its sources (0.6): an empty key, the whole of the options, few fields."""
    no_key = {"authorization": ""}
    options = server.get("/sdapi/v1/options", headers=no_key).json()
    options["sd_model_checkpoint"] = server.get("/sdapi/v1/sd-models", headers=no_key).json()[0]["title"]
    assert server.post("/sdapi/v1/options", options, headers=no_key).status_code == 200
    asked = {"prompt": "a cat", "batch_size": 2, "width": 64, "height": 64, "steps": 2, "cfg_scale": 7.0, "sampler_name": "Euler", "scheduler": "Automatic"}
    answer = server.post("/sdapi/v1/txt2img", asked, headers=no_key)
    assert answer.status_code == 200 and [picture(one).size for one in answer.json()["images"]] == [(64, 64)] * 2, answer.text
