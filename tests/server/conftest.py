"""A server of the tiny model or the demo model, as people start it.

DRYPOINT is the program, DRYPOINT_MODEL its options for a model ("-m FILE --control canny=FILE").
"""
import base64
import contextlib
import io
import os
import pathlib
import shlex
import signal
import subprocess

import numpy
import pytest
import requests
from PIL import Image

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = os.environ.get("DRYPOINT", str(ROOT / "build/release/apps/cli/drypoint"))
MODEL = shlex.split(os.environ.get("DRYPOINT_MODEL", ""))
SIDE = 64


class Server:
    def __init__(self, *options, environment=None):
        self.process = subprocess.Popen([PROGRAM, "serve", *MODEL, "--device", "cpu", "--port", "0", *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **(environment or {})})
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.communicate()[1])
        self.url = line.split()[0]
        self.host, self.port = self.url.split("/")[2].rsplit(":", 1)

    def end(self, how=signal.SIGTERM, timeout=60):
        """-> the exit code, and what was told"""
        self.process.send_signal(how)
        output, errors = self.process.communicate(timeout=timeout)
        return self.process.returncode, output + errors

    def get(self, path, **more):
        return requests.get(self.url + path, timeout=60, **more)

    def post(self, path, json=None, **more):
        return requests.post(self.url + path, json=json, timeout=120, **more)

    def metric(self, name):
        """The sum over all labels of a metric."""
        lines = self.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    def submit(self, **fields):
        body = {"prompt": "a cat", "edges": as_base64(edges()), "steps": 2, "seed": 1, **fields}
        answer = self.post("/api/v1/jobs", {k: v for k, v in body.items() if v is not None})
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def result(self, job):
        with self.get(f"/api/v1/jobs/{job}/events", stream=True) as events:
            for _ in events.iter_lines():
                pass
        return self.get(f"/api/v1/jobs/{job}/result")


@contextlib.contextmanager
def serving(*options, **more):
    server = Server(*options, **more)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()


@pytest.fixture(scope="session")
def server():
    with serving("--max-pixels", "65536") as one:
        yield one
        code, told = one.end()
        assert code == 0, told


def edges(side=SIDE):
    """A ring, white on black."""
    y, x = numpy.mgrid[:side, :side] - side / 2
    ring = numpy.abs(numpy.hypot(x, y) - side / 3) < 1
    return Image.fromarray((ring * 255).astype(numpy.uint8))


def photo(side=SIDE):
    """A disc on a ground."""
    y, x = numpy.mgrid[:side, :side] - side / 2
    disc = numpy.hypot(x, y) < side / 3
    return Image.fromarray(numpy.where(disc[..., None], [200, 40, 40], [240, 230, 120]).astype(numpy.uint8))


def as_png(image):
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def as_base64(image):
    return base64.b64encode(as_png(image)).decode()


def picture(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))


def drawn_alone(tmp_path, *options):
    """What the command line draws."""
    out = tmp_path / "alone.png"
    subprocess.run([PROGRAM, "generate", *MODEL, "--device", "cpu", "-o", out, *options], check=True, capture_output=True)
    return Image.open(out)
