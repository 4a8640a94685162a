"""OpenAI's images API, by its own client."""
import base64
import io
import json

import requests
import numpy
import openai
import pytest
from conftest import as_base64, as_png, drawn_alone, edges, photo
from PIL import Image


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=server.url + "/v1", api_key="none is needed here", max_retries=0)


def opened(data):
    return Image.open(io.BytesIO(base64.b64decode(data.b64_json)))


def test_generate_with_edges_beside(client, tmp_path):
    (tmp_path / "edges.png").write_bytes(as_png(edges()))
    drawn = client.images.generate(prompt="a cat", n=2, size="64x64",
                                   extra_body={"edges": as_base64(edges()), "seed": 4, "steps": 3, "guidance_scale": 5})
    assert len(drawn.data) == 2 and drawn.output_format == "png" and drawn.size == "64x64"
    alone = drawn_alone(tmp_path, "--edges", tmp_path / "edges.png", "-p", "a cat", "--seed", "5", "--steps", "3", "--scale", "5")
    assert numpy.array_equal(numpy.asarray(opened(drawn.data[1])), numpy.asarray(alone))


def test_edit_follows_a_picture(client):
    one = client.images.edit(image=("photo.png", as_png(photo())), prompt="a cat", size="64x64", output_format="jpeg",
                             extra_body={"seed": 4, "steps": 2, "low_threshold": 50})
    assert opened(one.data[0]).format == "JPEG" and opened(one.data[0]).size == (64, 64)


def test_urls_can_be_fetched(client, server):
    drawn = client.images.generate(prompt="a cat", response_format="url", size="64x64",
                                   extra_body={"edges": as_base64(edges()), "seed": 4, "steps": 2})
    assert drawn.data[0].url.startswith(server.url)
    assert Image.open(io.BytesIO(requests.get(drawn.data[0].url, timeout=60).content)).size == (64, 64)


def test_streams_end_with_the_picture(client):
    events = list(client.images.generate(prompt="a cat", stream=True, partial_images=2, size="64x64",
                                         extra_body={"edges": as_base64(edges()), "seed": 4, "steps": 2}))
    assert [event.type for event in events] == ["image_generation.completed"]  # after one step of two
    assert opened(events[0]).size == (64, 64)
    events = list(client.images.edit(image=("p.png", as_png(photo())), prompt="a cat", stream=True, size="64x64",
                                     extra_body={"seed": 4, "steps": 2}))
    assert [event.type for event in events] == ["image_edit.completed"]


def test_models(client, server):
    models = client.models.list().data
    assert len(models) == 1 and client.models.retrieve(models[0].id).owned_by == "drypoint"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


@pytest.mark.parametrize("more, named", [
    ({"prompt": ""}, "prompt"), ({"n": 11}, "n"), ({"size": "big"}, "size"), ({"size": "65x64"}, "size"),
    ({"model": "no-such"}, "model"), ({"output_format": "gif"}, "output_format"), ({"background": "transparent"}, "background"),
    ({"extra_body": {"stepz": 1}}, "stepz"), ({"extra_body": {"steps": 0}}, "steps"),
])
def test_what_is_wrong_is_named(client, more, named):
    fields = {"prompt": "a cat", **more}
    fields["extra_body"] = {"edges": as_base64(edges()), **more.get("extra_body", {})}
    with pytest.raises(openai.BadRequestError) as refusal:
        client.images.generate(**fields)
    assert refusal.value.param == named and refusal.value.type == "invalid_request_error"


def test_streams_show_the_picture_on_its_way(client):
    events = list(client.images.generate(prompt="a cat", stream=True, partial_images=3, size="64x64",
                                         extra_body={"edges": as_base64(edges()), "seed": 4, "steps": 60}))
    types = [event.type for event in events]
    assert types[-1] == "image_generation.completed" and set(types[:-1]) == {"image_generation.partial_image"}
    assert 1 <= len(types[:-1]) <= 3 and [event.partial_image_index for event in events[:-1]] == list(range(len(types) - 1))
    assert all(opened(event).size == (64, 64) for event in events)
    assert not numpy.array_equal(numpy.asarray(opened(events[0])), numpy.asarray(opened(events[-1])))


def hole(side=64):
    """Transparent in its left half."""
    mask = Image.new("RGBA", (side, side), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, side // 2, side))
    return mask


def test_edit_paints_what_a_mask_leaves_open(client, tmp_path):
    white = Image.new("L", (64, 64), 0)
    white.paste(255, (0, 0, 32, 64))
    (tmp_path / "photo.png").write_bytes(as_png(photo()))
    (tmp_path / "mask.png").write_bytes(as_png(white))
    edited = client.images.edit(image=("photo.png", as_png(photo())), mask=("mask.png", as_png(hole())), prompt="a cat",
                                size="64x64", extra_body={"seed": 4, "steps": 3, "paste_kept": "on"})
    alone = drawn_alone(tmp_path, "--init", tmp_path / "photo.png", "--mask", tmp_path / "mask.png", "-p", "a cat", "--seed",
                        "4", "--steps", "3", "--size", "64x64", "--denoising-strength", "1", "--paste-kept", "on")
    ours = numpy.asarray(opened(edited.data[0]))
    assert numpy.array_equal(ours, numpy.asarray(alone))
    assert numpy.array_equal(ours[:, 32:], numpy.asarray(photo())[:, 32:])
    open_photo = photo().convert("RGBA")
    open_photo.putalpha(hole().getchannel("A"))
    same = client.images.edit(image=("photo.png", as_png(open_photo)), prompt="a cat", size="64x64",
                              extra_body={"seed": 4, "steps": 3, "paste_kept": "on"})
    assert numpy.array_equal(numpy.asarray(opened(same.data[0]))[:, 32:], ours[:, 32:])


def test_edits_without_a_picture_or_with_an_opaque_mask_are_refused(client):
    with pytest.raises(openai.BadRequestError) as refusal:
        client.images.edit(image=("photo.png", as_png(photo())), mask=("mask.png", as_png(photo())), prompt="a cat")
    assert refusal.value.param == "mask"
    with pytest.raises(openai.BadRequestError) as refusal:
        client.images.edit(image=("photo.png", as_png(photo())), mask=("mask.png", as_png(hole(32))), prompt="a cat", size="64x64")
    assert refusal.value.param == "mask"
    with pytest.raises(openai.BadRequestError) as refusal:
        client.images.edit(image=("photo.png", b"no picture"), prompt="a cat")
    assert refusal.value.param == "image"


def test_open_webui_draws_as_it_asks(server):
    """Its requests of 0.6: images.py's body for OpenAI's API, and the form of its edits."""
    body = {"model": "gpt-image-1", "prompt": "a cat", "n": 1, "size": "64x64", "response_format": "b64_json"}
    drawn = server.post("/v1/images/generations", {**body, "steps": 2}, headers={"authorization": ""})
    assert drawn.status_code == 200 and opened_text(drawn.json()["data"][0]["b64_json"]).size == (64, 64)


def opened_text(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))
