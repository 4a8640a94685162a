"""Pictures from pictures, over parts of them, and larger: by the web UI's API, compared with the command line."""
import base64
import json

import numpy
import pytest
import webuiapi
from conftest import as_base64, as_png, drawn_alone, edges, photo, picture
from PIL import Image


@pytest.fixture(scope="module")
def api(server):
    return webuiapi.WebUIApi(host=server.host, port=int(server.port), sampler="Euler", steps=3)


def left_half():
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    return mask


@pytest.fixture
def files(tmp_path):
    (tmp_path / "photo.png").write_bytes(as_png(photo()))
    (tmp_path / "mask.png").write_bytes(as_png(left_half()))
    return tmp_path


def same(ours, alone):
    return numpy.array_equal(numpy.asarray(ours), numpy.asarray(alone))


def alone(files, *more, initial=True):
    start = ["--init", files / "photo.png", "--painting-rule", "a1111"] if initial else []
    return drawn_alone(files, *start, "-p", "a cat", "--added-prompt", "", "-n", "", "--seed", "5", "--steps", "3", "--scale", "7",
                       "--size", "64x64", "--sampler", "Euler", *more)


COMMON = {"prompt": "a cat", "seed": 5, "width": 64, "height": 64, "sampler_name": "Euler"}


def test_img2img_is_that_of_the_command_line(server, api, files):
    drawn = api.img2img(images=[photo()], denoising_strength=0.6, batch_size=2, **COMMON)
    assert len(drawn.images) == 2 and drawn.info["all_seeds"] == [5, 6] and drawn.info["denoising_strength"] == 0.6
    assert same(drawn.images[0], alone(files, "--denoising-strength", "0.6"))
    assert not drawn.parameters["init_images"]
    tall = photo().resize((64, 96))
    for number, mode in enumerate(("stretch", "crop", "fill")):
        (files / "photo.png").write_bytes(as_png(tall))
        other = api.img2img(images=[tall], resize_mode=number, **COMMON)
        assert same(other.images[0], alone(files, "--resize-mode", mode))
    refused = server.post("/sdapi/v1/img2img", {**COMMON, "init_images": [as_base64(tall)], "resize_mode": 3})
    assert refused.status_code == 422 and "resize_mode" in refused.json()["detail"]


@pytest.mark.parametrize("fill, word", list(enumerate(("fill", "original", "latent-noise", "latent-nothing"))))
def test_a_mask_is_painted(api, files, fill, word):
    drawn = api.img2img(images=[photo()], mask_image=left_half(), inpainting_fill=fill, inpaint_full_res=False, mask_blur=2, **COMMON)
    assert same(drawn.images[0], alone(files, "--mask", files / "mask.png", "--mask-blur", "2", "--inpaint-fill", word))


SOFT = {"--soft-schedule-bias": 1.5, "--soft-preservation-strength": 2, "--soft-transition-contrast-boost": 8,
        "--soft-mask-influence": 0.25, "--soft-difference-threshold": 4, "--soft-difference-contrast": 3}


def test_soft_inpainting_is_that_of_the_command_line(server, api, files):
    def drawn(*args, **more):
        return api.img2img(images=[photo()], mask_image=left_half(), inpainting_fill=1, inpaint_full_res=False, mask_blur=8,
                           alwayson_scripts={"Soft Inpainting": {"args": list(args)}}, **COMMON, **more)

    common = ("--mask", files / "mask.png", "--mask-blur", "8")
    assert same(drawn(True).images[0], alone(files, *common, "--soft-inpainting"))
    options = [str(word) for pair in SOFT.items() for word in pair]
    assert same(drawn(True, *SOFT.values()).images[0], alone(files, *common, "--soft-inpainting", *options))
    assert same(drawn(False, *SOFT.values()).images[0], alone(files, *common))
    assert "soft inpainting" in server.get("/sdapi/v1/scripts").json()["img2img"]
    script = {"alwayson_scripts": {"soft inpainting": {"args": [True, 9]}}}
    answer = server.post("/sdapi/v1/img2img", {**COMMON, "init_images": [as_base64(photo())], "mask": as_base64(left_half()), **script})
    assert answer.status_code == 422 and "args[1]" in answer.json()["detail"], answer.text
    assert server.post("/sdapi/v1/txt2img", {**COMMON, **script}).status_code == 422


def test_only_the_masked_part_is_drawn(api, files):
    drawn = api.img2img(images=[photo()], mask_image=left_half(), inpainting_fill=1, inpaint_full_res_padding=8, **COMMON)
    assert same(drawn.images[0], alone(files, "--mask", files / "mask.png", "--only-masked", "--mask-padding", "8", "--mask-blur", "4"))
    (files / "mask.png").write_bytes(as_png(Image.eval(left_half(), lambda v: 255 - v)))
    drawn = api.img2img(images=[photo()], mask_image=left_half(), inpainting_mask_invert=1, inpainting_fill=1, inpaint_full_res=False, **COMMON)
    assert same(drawn.images[0], alone(files, "--mask", files / "mask.png", "--mask-blur", "4"))


@pytest.mark.parametrize("fields, named", [
    ({"init_images": []}, "init_images"), ({"init_images": ["AAAA", "AAAA"]}, "init_images"), ({"init_images": ["!"]}, "init_images"),
    ({"mask": "!"}, "mask"), ({"mask": as_base64(photo(32))}, "mask"), ({"inpainting_fill": 4, "mask": as_base64(left_half())}, "inpainting_fill"),
    ({"denoising_strength": 2}, "denoising_strength"), ({"mask": as_base64(left_half()), "mask_blur_x": 4, "mask_blur_y": 8}, "mask_blur"),
])
def test_what_is_wrong_is_named(server, fields, named):
    answer = server.post("/sdapi/v1/img2img", {**COMMON, "init_images": [as_base64(photo())], **fields})
    assert answer.status_code in (404, 422) and named in answer.json()["detail"], answer.text


def test_a_second_pass_is_that_of_the_command_line(api, files):
    drawn = api.txt2img(enable_hr=True, hr_scale=2, hr_upscaler=webuiapi.HiResUpscaler.Latent, hr_second_pass_steps=2,
                        denoising_strength=0.6, **COMMON)
    expected = ("--hires-scale", "2", "--hires-steps", "2", "--denoising-strength", "0.6")
    assert drawn.image.size == (128, 128) and same(drawn.image, alone(files, *expected, initial=False))
    drawn = api.txt2img(enable_hr=True, hr_resize_x=96, hr_resize_y=96, hr_upscaler="Lanczos", denoising_strength=0.6, **COMMON)
    assert drawn.image.size == (96, 96)
    assert same(drawn.image, alone(files, "--hires-scale", "1.5", "--hires-upscaler", "lanczos", "--denoising-strength", "0.6", initial=False))


def test_variations_count_subseeds_on(api, files):
    drawn = api.txt2img(subseed=9, subseed_strength=0.3, batch_size=2, **COMMON)
    assert drawn.info["all_seeds"] == [5, 5] and drawn.info["all_subseeds"] == [9, 10]
    for image, subseed in zip(drawn.images, ("9", "10")):
        assert same(image, alone(files, "--subseed", subseed, "--subseed-strength", "0.3", initial=False))
    drawn = api.txt2img(seed_resize_from_h=128, seed_resize_from_w=64, **COMMON)
    assert same(drawn.image, alone(files, "--seed-resize", "128x64", initial=False))


def test_previews_are_told(server):
    import threading
    import time
    seen = []
    drawing = threading.Thread(target=server.post, args=("/sdapi/v1/txt2img", {**COMMON, "steps": 140}))
    drawing.start()
    for _ in range(500):
        now = server.get("/sdapi/v1/progress").json()
        if now["current_image"]:
            seen.append(now["current_image"])
            assert server.get("/sdapi/v1/progress?skip_current_image=true").json()["current_image"] is None
            break
        time.sleep(0.01)
    drawing.join()
    assert seen and picture(seen[0]).size == (8, 8)


def test_extras(server, api):
    larger = api.extra_single_image(photo(), upscaler_1="Lanczos", upscaling_resize=2)
    assert larger.image.size == (128, 128)
    framed = api.extra_single_image(photo(), resize_mode=1, upscaling_resize_w=96, upscaling_resize_h=48, upscaler_1="Lanczos")
    assert framed.image.size == (96, 48)
    both = api.extra_batch_images([photo(), photo()], upscaler_1="Lanczos", upscaling_resize=2)
    assert [image.size for image in both.images] == [(128, 128)] * 2
    for field, value in (("upscaler_1", "ESRGAN_4x"), ("gfpgan_visibility", 1), ("upscaling_resize", 100)):
        body = {"image": as_base64(photo()), "upscaler_1": "Lanczos", field: value}
        answer = server.post("/sdapi/v1/extra-single-image", body)
        assert answer.status_code == 422 and field in answer.json()["detail"]


def test_our_own_jobs_take_all_pictures(server, files):
    job = server.submit(edges=None, init_image=as_base64(photo()), mask=as_base64(left_half()), denoising_strength=0.6, steps=3,
                        size="64x64", added_prompt="", negative_prompt="", painting_rule="a1111", sampler="Euler", seed=5,
                        guidance_scale=7)
    result = server.result(job)
    assert result.status_code == 200, result.text
    expected = alone(files, "--mask", files / "mask.png", "--denoising-strength", "0.6")
    assert same(picture(result.json()["images"][0]), expected)
    small = server.get(f"/api/v1/jobs/{job}/images/0?side=32&format=webp")
    assert small.headers["content-type"] == "image/webp"
    assert server.get(f"/api/v1/jobs/{job}/images/0?side=9999").status_code == 400
    for fields, named in (({"mask": as_base64(photo(32))}, "mask"), ({"init_image": "x"}, "init_image"),
                          ({"controls": [{"image": "x"}]}, "controls[0].image"), ({"controls": [{"nam": "x"}]}, "body"),
                          ({"hires_scale": 8, "init_image": None, "size": "128x128"}, "pixels")):
        body = {"prompt": "a", "size": "64x64", "init_image": as_base64(photo()), **fields}
        refused = server.post("/api/v1/jobs", {name: value for name, value in body.items() if value is not None})
        assert refused.status_code in (400, 413) and refused.json()["error"]["field"] == named, refused.text
