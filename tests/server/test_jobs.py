"""Our own API: jobs."""
import contextlib
import io
import json
import threading
import time

import numpy
import pytest
import requests
from PIL import Image
from conftest import SIDE, as_base64, as_png, drawn_alone, edges, photo, picture, serving


def test_a_picture_is_that_of_the_command_line(server, tmp_path):
    (tmp_path / "edges.png").write_bytes(as_png(edges()))
    job = server.submit(prompt="a cat", seed=7, steps=3)
    result = server.result(job).json()
    alone = drawn_alone(tmp_path, "--edges", tmp_path / "edges.png", "-p", "a cat", "--seed", "7", "--steps", "3")
    ours = picture(result["images"][0])
    assert numpy.array_equal(numpy.asarray(ours), numpy.asarray(alone))
    assert ours.info["parameters"] == alone.info["parameters"] == result["parameters"][0]
    image = server.get(f"/api/v1/jobs/{job}/images/0")
    assert image.headers["content-type"] == "image/png" and image.content == as_bytes(result["images"][0])
    assert server.get(f"/api/v1/jobs/{job}/images/0?format=webp").content[8:12] == b"WEBP"
    assert server.get(f"/api/v1/jobs/{job}/images/1").status_code == 404


def as_bytes(text):
    import base64
    return base64.b64decode(text)


def test_pictures_are_the_same_alone_and_with_others(server):
    jobs = [server.submit(prompt=f"a cat {i}", seed=i, steps=3) for i in range(6)]
    together = [server.result(job).json()["images"] for job in jobs]
    alone = [server.result(server.submit(prompt=f"a cat {i}", seed=i, steps=3)).json()["images"] for i in range(6)]
    assert together == alone


def test_events_tell_each_step_and_the_end(server):
    job = server.submit(steps=6)
    names, told = [], []
    with server.get(f"/api/v1/jobs/{job}/events", stream=True) as events:
        assert events.headers["content-type"] == "text/event-stream"
        for line in events.iter_lines(decode_unicode=True):
            if line.startswith("event: "):
                names.append(line[7:])
            if line.startswith("data: "):
                told.append(json.loads(line[6:]))
    assert names[-1] == "done" and set(names[:-1]) <= {"status"}
    shares = [one["progress"] for one in told]
    assert shares == sorted(shares) and shares[-1] == 1
    assert [one["step"] for one in told if one["stage"] == "denoise"] == sorted(one["step"] for one in told if one["stage"] == "denoise")
    assert {one["steps"] for one in told if one["stage"] == "denoise"} == {6}
    status = server.get(f"/api/v1/jobs/{job}").json()
    assert status["state"] == "done" and status["progress"] == 1 and status["settings"]["steps"] == 6
    assert job in [one["id"] for one in server.get("/api/v1/jobs").json()["jobs"]]


def test_a_job_is_cancelled_and_others_are_not(server):
    jobs = [server.submit(steps=100, prompt=str(i)) for i in range(2)]
    last = server.submit(steps=2)
    for job in jobs:
        assert requests.delete(f"{server.url}/api/v1/jobs/{job}", timeout=10).status_code == 200
    assert server.result(last).status_code == 200
    for job in jobs:
        answer = server.result(job)
        assert answer.status_code == 409 and "cancelled" in answer.json()["error"]["message"]
        assert server.get(f"/api/v1/jobs/{job}").json()["state"] == "cancelled"


@pytest.mark.parametrize("fields, status, named", [
    ({"steps": 0}, 400, "steps"),
    ({"steps": "3"}, 400, "steps"),
    ({"steps": 151}, 413, "steps"),
    ({"size": "4096x4096", "edges": None, "image": "photo"}, 413, "pixels"),
    ({"samples": 17}, 413, "pictures"),
    ({"stepz": 3}, 400, "stepz"),
    ({"sampler": "Eular"}, 400, "sampler"),
    ({"image": "photo"}, 400, "edges"),
    ({"edges": "/etc/passwd"}, 400, "edges"),
    ({"edges": "https://example.org/a.png"}, 400, "edges"),
    ({"edges": "file:///etc/passwd"}, 400, "edges"),
    ({"model": "../../etc/passwd"}, 400, "model"),
    ({"prompt": {"a": 1}}, 400, "prompt"),
    ({"id": "a/../b"}, 400, "id"),
    ({"prompt": "a <lora:/etc/passwd:1>"}, 400, "prompt"),
    ({"negative_prompt": "<Lora: te=1: conftest.py>"}, 400, "prompt"),
])
def test_what_is_wrong_is_named(server, fields, status, named):
    body = {"prompt": "a cat", "edges": as_base64(edges()), "steps": 2, **fields}
    if body.get("image") == "photo":
        body["image"] = as_base64(photo())
    answer = server.post("/api/v1/jobs", {k: v for k, v in body.items() if v is not None})
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (status, named), answer.text
    assert named in error["message"]


def test_a_photo_is_steered_by_its_edges(server, tmp_path):
    (tmp_path / "photo.png").write_bytes(as_png(photo()))
    job = server.submit(edges=None, image="data:image/png;base64," + as_base64(photo()), size="64x64", low_threshold=50)
    result = server.result(job).json()
    alone = drawn_alone(tmp_path, "-i", tmp_path / "photo.png", "--size", "64x64", "--low-threshold", "50", "-p", "a cat",
                        "--steps", "2", "--seed", "1")
    assert numpy.array_equal(numpy.asarray(picture(result["images"][0])), numpy.asarray(alone))
    found = server.post("/api/v1/edges", {"image": as_base64(photo()), "size": "64x64", "low_threshold": 50})
    assert found.content == as_bytes(result["edges"]) == server.get(f"/api/v1/jobs/{job}/edges").content


def test_hints_are_what_would_steer(server):
    def pixels(answer):
        assert answer.status_code == 200, answer.text
        return numpy.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))
    settings = {"image": as_base64(photo()), "size": "64x64"}
    canny = pixels(server.post("/api/v1/hints", {**settings, "preprocessor": "canny", "threshold_a": 50}))
    assert numpy.array_equal(canny, pixels(server.post("/api/v1/edges", {**settings, "low_threshold": 50})))
    assert numpy.array_equal(pixels(server.post("/api/v1/hints", {**settings, "preprocessor": "none"})), numpy.asarray(photo().convert("L")))
    for fields, named in (({"preprocessor": "cany"}, "preprocessor"), ({"size": "1024x1024"}, "pixels"), ({"image": None}, "image"), ({"steps": 3}, "steps"),
                          ({"preprocessor": "invert", "threshold_a": 3}, "threshold_a"), ({"preprocessor": "inpaint"}, "mask")):
        body = {name: value for name, value in {**settings, **fields}.items() if value is not None}
        refused = server.post("/api/v1/hints", body)
        assert refused.status_code in (400, 413) and named in refused.json()["error"]["message"], refused.text


def test_previews_and_thumbnails(server):
    job = server.submit(steps=100)
    seen = 0
    for _ in range(2000):
        status = server.get(f"/api/v1/jobs/{job}").json()
        seen = max(seen, status["previews"])
        if seen:
            break
    preview = server.get(f"/api/v1/jobs/{job}/preview")
    assert preview.status_code == 200 and Image.open(io.BytesIO(preview.content)).size == (8, 8)
    assert server.result(job).status_code == 200
    assert server.get(f"/api/v1/jobs/{job}/preview").status_code == 404
    small = Image.open(io.BytesIO(server.get(f"/api/v1/jobs/{job}/images/0?side=32").content))
    assert small.size == (32, 32) and small.format == "PNG"
    with serving("--preview-every", "0") as without:
        job = without.submit(steps=8)
        assert without.result(job).status_code == 200 and without.get(f"/api/v1/jobs/{job}").json()["previews"] == 0


def test_what_there_is(server):
    info = server.get("/api/v1/info").json()
    assert info["models"] == [info["model"]] and "Euler a" in info["samplers"] and "karras" in info["schedules"]
    fields = {field["name"]: field for field in server.get("/api/v1/fields").json()["fields"]}
    assert fields["steps"]["type"] == "integer" and fields["steps"]["default"] == info["defaults"]["steps"]


def test_many_at_once_are_refused_with_a_time_to_come_back():
    with serving("--queue", "3", "--client-queue", "2") as small:
        long = {"prompt": "a", "edges": as_base64(edges()), "steps": 150}
        first = [small.post("/api/v1/jobs", long) for _ in range(3)]
        assert [one.status_code for one in first] == [202, 202, 429]
        assert int(first[2].headers["retry-after"]) > 0
        assert small.metric("drypoint_refused_total") == 1
    with serving("--queue", "1", "--max-seconds", "1") as late:
        answers = [late.post("/api/v1/jobs", {**long, "steps": 150, "sampler": "Heun"}) for _ in range(2)]
        assert [one.status_code for one in answers] == [202, 503]


def test_the_end_lets_jobs_be_done():
    from conftest import Server
    draining = Server("--drain-seconds", "60")
    answers = []

    def ask():
        answers.append(draining.post("/v1/images/edits", {"prompt": "a cat", "image": as_base64(photo()), "size": "64x64",
                                                          "steps": 40}))
    thread = threading.Thread(target=ask)
    thread.start()
    while draining.get("/sdapi/v1/progress").status_code != 200 or draining.metric("drypoint_pictures_in_work") < 1:
        time.sleep(0.02)
    threading.Thread(target=lambda: (time.sleep(0.15), ready.append(draining.get("/ready").status_code))).start()
    ready = []
    code, told = draining.end()
    thread.join()
    assert code == 0 and "error" not in told, told
    assert answers[0].status_code == 200, answers[0].text
    assert ready == [503]


def test_accepted_jobs_outlive_the_process(tmp_path):
    journal = tmp_path / "jobs.sqlite"
    with serving("--journal", journal) as first:
        assert (journal.stat().st_mode & 0o077) == 0
        done = first.submit(steps=1)
        assert first.result(done).status_code == 200
        body = {"prompt": "a cat", "edges": as_base64(edges()), "steps": 3}
        long = first.post("/api/v1/jobs", {**body, "steps": 150, "id": "long"}).json()["id"]
        taken = first.post("/api/v1/jobs", {**body, "id": "long"})
        wrong = first.post("/api/v1/jobs", {**body, "steps": 0, "id": "wrong"})
        given_up = first.submit()
        waiting = first.post("/api/v1/jobs", {**body, "id": "waiting"}).json()
        assert (taken.status_code, wrong.status_code) == (409, 400)
        requests.delete(f"{first.url}/api/v1/jobs/{given_up}", timeout=10)
        while first.get("/api/v1/jobs/" + given_up).json()["state"] != "cancelled":
            time.sleep(0.02)
        time.sleep(0.2)
        first.process.kill()
        first.process.communicate()
    with serving("--journal", journal, "--drain-seconds", "0") as second:
        assert sorted(one["id"] for one in second.get("/api/v1/jobs").json()["jobs"]) == [long, "waiting"]
        again = second.get("/api/v1/jobs/waiting").json()
        assert again["settings"]["seed"] == waiting["settings"]["seed"]
        assert second.result("waiting").status_code == 200
        requests.delete(f"{second.url}/api/v1/jobs/{long}", timeout=10)
        second.result(long)
        second.post("/api/v1/jobs", {**body, "steps": 150, "id": "left"})
        while second.get("/api/v1/jobs/left").json()["state"] != "drawing":
            time.sleep(0.02)
        assert second.end()[0] == 0
    with serving("--journal", journal) as third:  # what was given up at the end, and nothing that ended
        assert [one["id"] for one in third.get("/api/v1/jobs").json()["jobs"]] == ["left"]



def test_pictures_of_all_apis_outlive_the_process(tmp_path):
    """What a client waited for when the process was killed is drawn after its next start."""
    journal = tmp_path / "jobs.sqlite"
    hint = as_base64(edges())
    bodies = {
        "/sdapi/v1/txt2img": {
            "prompt": "a cat", "steps": 150, "width": SIDE, "height": SIDE, "force_task_id": "web",
            "n_iter": 2, "alwayson_scripts": {"controlnet": {"args": [{"image": hint, "module": "none"}]}},
        },
        "/sdapi/v1/img2img": {
            "prompt": "a dog", "steps": 150, "width": SIDE, "height": SIDE, "force_task_id": "again",
            "init_images": [hint], "mask": hint, "seed": 7,
        },
        "/v1/images/generations": {"prompt": "a bird", "size": f"{SIDE}x{SIDE}", "steps": 150},
    }
    with serving("--journal", journal) as first:
        def ask(path, body):
            with contextlib.suppress(requests.RequestException):
                first.post(path, body)

        threads = [threading.Thread(target=ask, args=item) for item in bodies.items()]
        for thread in threads:
            thread.start()
        while len(first.get("/api/v1/jobs").json()["jobs"]) < len(bodies):
            time.sleep(0.02)
        before = {one["id"]: one for one in first.get("/api/v1/jobs").json()["jobs"]}
        first.process.kill()
        for thread in threads:
            thread.join()
        first.process.communicate()
    with serving("--journal", journal) as second:
        after = {one["id"]: one for one in second.get("/api/v1/jobs").json()["jobs"]}
        assert {"web", "again"} <= after.keys()
        assert after.keys() == before.keys()
        for job, one in before.items():
            assert (after[job]["settings"], after[job]["api"]) == (one["settings"], one["api"])
        drawn = second.result("web").json()["images"]
        assert len(drawn) == 2
        body = {**bodies["/sdapi/v1/txt2img"], "seed": before["web"]["settings"]["seed"], "force_task_id": None}
        anew = second.post("/sdapi/v1/txt2img", body).json()["images"][:2]
        assert numpy.array_equal([picture(one) for one in drawn], [picture(one) for one in anew])
    with serving("--journal", journal) as third:  # they were drawn, so nothing is left
        assert "web" not in [one["id"] for one in third.get("/api/v1/jobs").json()["jobs"]]
