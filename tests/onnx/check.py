"""Checks what `drypoint export` writes: with onnx's checker, and by running it with ONNX Runtime.

check.py MODEL CONTROL --drypoint PROGRAM --stages PROGRAM [--golden FILE] [--sizes 2x16x24 ...]

MODEL and CONTROL are exported to a temporary folder. Results are compared with the official code's
(--golden, for the tiny model) and, at each size (BATCHxHEIGHTxWIDTH of the latents), with those of
our own kernels, which --stages computes. A distance is the largest error over the largest
magnitude.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

FULL, HALF, EIGHT_BITS = 1e-4, 3e-2, 2e-1  # distances allowed


class Check:
    def __init__(self, folder):
        self.folder, self.sessions, self.failures = pathlib.Path(folder), {}, 0

    def report(self, what, distance, allowed):
        bad = not distance <= allowed
        self.failures += bad
        print(f"{'FAIL' if bad else 'ok  '} {what:52} {distance:.1e}", flush=True)

    def run(self, precision, part, feeds):
        key = precision, part
        if key not in self.sessions:
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            path = self.folder / precision / f"{part}.onnx"
            self.sessions = {  # one at a time: a large one takes gigabytes
                key: onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])}
        session = self.sessions[key]
        kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16,
                 "tensor(int32)": np.int32}
        feeds = {i.name: feeds[i.name].astype(kinds[i.type]) for i in session.get_inputs()}
        names = [o.name for o in session.get_outputs()]
        return dict(zip(names, session.run(names, feeds)))

    def compare(self, what, found, expected, allowed):
        worst = 0.0
        for name, values in expected.items():
            error = np.abs(found[name].astype(np.float64) - values).max()
            worst = max(worst, error / np.abs(values).max())
            if found[name].shape != values.shape or not np.isfinite(error):
                worst = np.inf
        self.report(what, worst, allowed)


def check_golden(check, precision, path, allowed):
    golden = load_file(path)

    def go(part, **feeds):
        return check.run(precision, part, feeds)

    def expect(what, found, expected):
        check.compare(f"{precision} official {what}", found, expected, allowed)

    scales, context = np.ones(13), golden["text.embedding"]
    expect("text_encoder", go("text_encoder", ids=golden["text.ids"]), {"embedding": context})
    step = dict(latent=golden["stage.x"], context=context, hint=golden["stage.hint"],
                control_scales=scales)
    for t in 981, 501, 1:
        found = go("denoiser", timestep=np.array([t]), **step)
        expect(f"denoiser at {t}", found, {"eps": golden[f"stage.t{t}.eps"]})
    control = go("controlnet", timestep=np.array([501]), **step)
    expect("controlnet", control, {name: golden[f"stage.t501.{name}"] for name in control})
    found = go("unet", timestep=np.array([501]), **control, **step)
    expect("unet with the controlnet's result", found, {"eps": golden["stage.t501.eps"]})
    nothing = go("unet", timestep=np.array([501]), **{n: 0 * v for n, v in control.items()}, **step)
    expect("unet with controls of 0", nothing, {"eps": golden["stage.t501.eps_nocontrol"]})
    picture = go("vae_decoder", latent=golden["vae.latent"] / 0.18215)
    expect("vae_decoder", picture, {"image": golden["vae.decoded"]})
    moments = go("vae_encoder", image=golden["vae.image"])
    expect("vae_encoder", moments, {"moments": golden["vae.moments"]})


def check_ours(check, precision, stages, size, allowed):
    """Our pictures are [N, H, W, C]."""
    for part in dict.fromkeys(key.split(".")[0] for key in stages):
        values = {k.split(".")[1]: v for k, v in stages.items() if k.split(".")[0] == part}
        if "image" in values:
            values["image"] = np.transpose(values["image"], (0, 3, 1, 2))
        found = check.run(precision, part, values)
        expected = {name: values[name] for name in found}
        check.compare(f"{precision} ours {part} {size}", found, expected, allowed)


def check_rounded(check, options, folder):
    """Graphs with QuantizeLinear and DequantizeLinear, by the ranges of a short calibration."""
    ranges = f"{folder}/ranges.safetensors"
    subprocess.run([options.drypoint, "calibrate", "-m", options.model, "-p", "a bird", "--steps",
                    "4", "--size", "128x128", "-o", ranges], check=True, stdout=subprocess.DEVNULL)
    golden = load_file(options.golden)
    step = dict(latent=golden["stage.x"], context=golden["text.embedding"],
                hint=golden["stage.hint"], control_scales=np.ones(13), timestep=np.array([501]))
    expected = golden["stage.t501.eps"]
    plain = check.run("fp32", "denoiser", step)["eps"]
    for precision in "fp8", "int8":
        subprocess.run([options.drypoint, "export", "-m", options.model, "--control",
                        f"canny={options.control}", "--quantize", precision, "--calibration",
                        ranges, "--parts", "denoiser", "--onnx", f"{folder}/{precision}"],
                       check=True, stdout=subprocess.DEVNULL)
        path = check.folder / precision / "denoiser.onnx"
        onnx.checker.check_model(path, full_check=True)
        kinds = [node.op_type for node in onnx.load(path, load_external_data=False).graph.node]
        print(f"ok   {precision} checker denoiser, {kinds.count('QuantizeLinear')} roundings")
        found = check.run(precision, "denoiser", step)["eps"]
        check.compare(f"{precision} official denoiser", {"eps": found}, {"eps": expected},
                      EIGHT_BITS)
        same = np.abs(found - plain).max() == 0
        check.report(f"{precision} rounds", float(same), 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("control")
    parser.add_argument("--drypoint", required=True)
    parser.add_argument("--stages", required=True)
    parser.add_argument("--golden")
    parser.add_argument("--sizes", nargs="*", default=[])
    parser.add_argument("--precisions", nargs="*", default=["fp32", "fp16"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        check = Check(folder)
        stages = {}
        for size in options.sizes:
            path = f"{folder}/{size}.safetensors"
            subprocess.run([options.stages, options.model, options.control, *size.split("x"), path],
                           check=True)
            stages[size] = load_file(path)
        for precision in options.precisions:
            allowed = FULL if precision == "fp32" else HALF
            subprocess.run([options.drypoint, "export", "-m", options.model, "--control",
                            f"canny={options.control}", "--precision", precision,
                            "--onnx", f"{folder}/{precision}"], check=True, stdout=subprocess.DEVNULL)
            for file in sorted((check.folder / precision).glob("*.onnx")):
                onnx.checker.check_model(file, full_check=True)
                print(f"ok   {precision} checker {file.stem}", flush=True)
            if options.golden:
                check_golden(check, precision, options.golden, allowed)
            for size, tensors in stages.items():
                check_ours(check, precision, tensors, size, allowed)
        if options.golden:
            check_rounded(check, options, folder)
    sys.exit(1 if check.failures else 0)


if __name__ == "__main__":
    main()
