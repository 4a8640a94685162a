"""Writes tests/data/checkpoint/blocks.gguf and what its tensors are, blocks.safetensors.

pip install gguf safetensors. Values are gguf's own decoding (gguf.quants) of random blocks, or of
what it encodes, in each of the formats that are read, and one that is not (Q2_K).
"""

import sys
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import dequantize
from safetensors.numpy import save_file

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/checkpoint")
random = np.random.default_rng(1)
types = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"]
writer = gguf.GGUFWriter(folder / "blocks.gguf", "sd1")
writer.add_string("general.name", "blocks")
writer.add_array("some.numbers", [1, 2, 3])
expected = {}
for name in types + ["Q2_K"]:
    kind = gguf.GGMLQuantizationType[name]
    size, width = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (3, 2 * width), dtype=np.uint8)
    # Scales are halves: kept small and finite.
    halves = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
              "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "Q2_K": [80, 82]}[name]
    for block in range(2):
        for at in halves:
            scale = (random.random(3) * 0.01).astype(np.float16)
            blocks[:, block * width + at : block * width + at + 2] = scale.view(np.uint8).reshape(3, 2)
    writer.add_tensor(f"blocks.{name}", blocks, raw_dtype=kind)
    if name in types:
        expected[f"blocks.{name}"] = dequantize(blocks, kind).astype(np.float32)
for name, array in {"f32": random.random((2, 3), dtype=np.float32),
                    "f16": random.random((4,)).astype(np.float16)}.items():
    writer.add_tensor(name, array)
    expected[name] = array.astype(np.float32)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
save_file(expected, folder / "blocks.safetensors")
