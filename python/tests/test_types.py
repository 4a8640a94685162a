from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import drypoint

GOOD = """
import asyncio
import numpy as np
import drypoint

pipeline = drypoint.Pipeline("a.safetensors", control="b", device=drypoint.Device("cpu", threads=2))
result = pipeline.generate("a bird", image=np.zeros((64, 64, 3), np.uint8), steps=3, seed=None)
result.images[0].save("a.png")
size: tuple[int, ...] = result.arrays[0].shape
request = drypoint.Request("a bird", eta=None, size=(64, 96))
request.steps = 3
request.controls = [drypoint.Control(name="depth", image="map.png", end=0.5), {"name": "canny"}]
again = drypoint.recall("a.png").request(request, init_image="a.png", mask=None)
hint: drypoint.Image = drypoint.preprocess("canny", "a.png", threshold_a=50)
both = drypoint.Model("a.safetensors", controls={"canny": "b", "depth": "c"})

async def draw() -> drypoint.Result:
    with drypoint.Queue(pipeline.model) as queue:
        first = await queue.push(request, guidance_scale=7)
        return await pipeline.generate_async(request)

asyncio.run(draw())
"""

BAD = [
    'drypoint.Request(steps="3")',
    "drypoint.Request(stepz=3)",
    "drypoint.Request().steps = None",
    'drypoint.Device("cpu", threads=1.5)',
    "drypoint.Pipeline().generate(3)",
    "drypoint.Pipeline().generate().image",
]


def test_types_are_told(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    for i, line in enumerate(BAD):
        (tmp_path / f"bad{i}.py").write_text(f"import drypoint\n\n{line}\n")
    package = Path(drypoint.__file__).parent
    env = {"PATH": "/usr/bin:/bin"}
    sources = sorted(map(str, tmp_path.glob("*.py")))
    if package.parent.name != "site-packages":  # which mypy knows, and takes as it is
        env["PYTHONPATH"] = str(package.parent)
        sources.append(str(package))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache"] + sources,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=env,
    )
    wrong = {line.split(":")[0] for line in done.stdout.splitlines() if ": error:" in line}
    assert wrong == {f"bad{i}.py" for i in range(len(BAD))}, done.stdout + done.stderr


def test_all_is_documented() -> None:
    for name in drypoint.__all__:
        value = getattr(drypoint, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert value.__doc__, name
