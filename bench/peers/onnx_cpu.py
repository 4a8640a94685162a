"""Other engines on a CPU, with the model that `drypoint export --onnx` writes: OpenVINO, ONNX Runtime.

Times one call of denoiser.onnx (ControlNet with its hint's layers, and UNet; batch 2, as guidance needs it) and of
vae_decoder.onnx, and prints one JSON object.
usage: onnx_cpu.py openvino|onnxruntime FOLDER HEIGHT WIDTH [REPEATS [THREADS [PRECISION]]]
PRECISION: f32 (the default) or bf16, OpenVINO's alone
"""
import json
import os
import sys

import numpy as np
from seconds import times, told

engine, folder, height, width = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
repeats = int(sys.argv[5]) if len(sys.argv) > 5 else 5
threads = int(sys.argv[6]) if len(sys.argv) > 6 else len(os.sched_getaffinity(0))
precision = sys.argv[7] if len(sys.argv) > 7 else "f32"
random = np.random.default_rng(1)


def normal(*shape):
    return random.standard_normal(shape, dtype=np.float32)


def openvino_runner(path, inputs):
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape({name: value.shape for name, value in inputs.items()})
    compiled = core.compile_model(
        model, "CPU",
        {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    return lambda: request.infer(inputs)


def onnxruntime_runner(path, inputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, inputs)


runner = {"openvino": openvino_runner, "onnxruntime": onnxruntime_runner}[engine]
h, w = height // 8, width // 8
steps = times(runner(os.path.join(folder, "denoiser.onnx"), {
    "latent": normal(2, 4, h, w), "timestep": np.array([501], np.float32), "context": normal(2, 77, 768),
    "hint": random.random((2, 3, height, width), np.float32), "control_scales": np.ones(13, np.float32)}), repeats)
decodes = times(runner(os.path.join(folder, "vae_decoder.onnx"), {"latent": normal(1, 4, h, w)}), repeats)
print(json.dumps({
    "peer": f"{engine} {__import__(engine).__version__}", "threads": threads, "precision": precision,
    **told(step=steps, decode=decodes)}, indent=2))
