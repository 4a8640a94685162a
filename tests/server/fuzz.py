"""Random requests at every endpoint of a server: each answer is one of its own, and what is refused says why.

usage: fuzz.py URL [REQUESTS [SEED]]    (100000 requests, seed 1)

The server should draw small pictures of a small model: `drypoint serve -m random:tiny --max-pixels 4096 --max-steps 3 --queue 100000`.
"""
import base64
import concurrent.futures
import http.client
import json
import random
import sys
import urllib.parse
import zlib

KEYS = ("prompt", "steps", "seed", "size", "width", "height", "n", "batch_size", "image", "edges", "init_image", "init_images", "mask",
        "controls", "lora", "model", "vae", "control", "id", "sampler", "sampler_name", "scheduler", "denoising_strength", "enable_hr",
        "hr_scale", "hr_upscaler", "subseed_strength", "override_settings", "alwayson_scripts", "script_name", "styles",
        "resize_mode", "inpainting_fill", "mask_blur", "controlnet_module", "controlnet_input_images", "controlnet_masks",
        "controlnet_processor_res", "stream", "partial_images", "response_format", "output_format", "upscaler_1", "upscaling_resize",
        "preprocessor", "outpaint", "hires_scale", "only_masked", "samples", "sd_model_checkpoint", "CLIP_stop_at_last_layers")


def png(side, channels=3):
    """Stripes, as a PNG in base64."""
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
    rows = b"".join(b"\0" + bytes((16 * x * (y % 3) + 60 * c) % 256 for x in range(side) for c in range(channels)) for y in range(side))
    header = side.to_bytes(4, "big") * 2 + bytes([8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0])
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(data).decode()


PICTURES = [png(16), png(16, 1), png(16, 4), png(40), png(16)[:60], "AAAA", "", "http://localhost/a.png", "data:image/png;base64,"]


def value(chance, depth=0):
    kinds = ["number", "text", "picture", "flag", "word"] + (["list", "object"] if depth < 3 else [])
    kind = chance.choice(kinds)
    if kind == "number":
        return chance.choice([0, 1, 2, -1, 3.5, 64, 1e9, 1e300, -1e-300, 2**63, 2**64, chance.random()])
    if kind == "text":
        return "".join(chance.choice("ab<lora:>()[]|\\\"/.:é\u4e2d\0 AND BREAK") for _ in range(chance.randrange(40)))
    if kind == "picture":
        return chance.choice(PICTURES)
    if kind == "flag":
        return chance.choice([True, False, None])
    if kind == "word":
        return chance.choice(["canny", "none", "Euler a", "DDIM", "karras", "64x64", "32x32", "auto", "Latent", "Lanczos", "url", "webp", "../../etc/passwd"])
    if kind == "list":
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(KEYS): value(chance, depth + 1) for _ in range(chance.randrange(4))}


def sound(chance, path):
    """A request that is right for the endpoint, or for another one."""
    own = {"prompt": "a", "steps": 1, "seed": 1, "size": "32x32"}
    sdapi = {"prompt": "a", "steps": 1, "seed": 1, "width": 32, "height": 32}
    unit = {"image": PICTURES[0], "module": chance.choice(["none", "canny", "invert", "inpaint_only", "tile_resample"]), "pixel_perfect": chance.random() < 0.5}
    initial = {"init_images": [PICTURES[0]], **chance.choice([{}, {"mask": PICTURES[1]}])}
    of = {"/api/v1/jobs": [own, {**own, "init_image": PICTURES[0], "mask": PICTURES[1]}, {**own, "controls": [{"image": PICTURES[0]}]}, {**own, "hires_scale": 1.5}],
          "/api/v1/edges": [{"image": PICTURES[0], "size": "32x32"}],
          "/api/v1/hints": [{"image": PICTURES[0], "preprocessor": unit["module"], "size": "32x32"}],
          "/sdapi/v1/txt2img": [sdapi, {**sdapi, "enable_hr": True, "hr_scale": 1.5}, {**sdapi, "alwayson_scripts": {"controlnet": {"args": [unit, unit]}}}],
          "/sdapi/v1/img2img": [{**sdapi, **initial}, {**sdapi, **initial, "alwayson_scripts": {"controlnet": {"args": [{**unit, "image": None}]}}}],
          "/sdapi/v1/extra-single-image": [{"image": PICTURES[0], "upscaler_1": "Lanczos"}],
          "/sdapi/v1/png-info": [{"image": PICTURES[0]}],
          "/controlnet/detect": [{"controlnet_module": unit["module"], "controlnet_input_images": [PICTURES[0]]}],
          "/v1/images/generations": [{**own, "size": "32x32", "stream": chance.random() < 0.5, "partial_images": 1}],
          "/v1/images/edits": [{**own, "image": PICTURES[2], "mask": PICTURES[2]}, {**own, "image": PICTURES[0]}]}
    fitting = of.get(path, [{}]) if chance.random() < 0.8 else chance.choice(list(of.values()))
    return dict(chance.choice(fitting))


def body_for(chance, path):
    """-> body and its type"""
    fields = sound(chance, path)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 5])):
        fields[chance.choice(KEYS)] = value(chance)
    if chance.random() < 0.15:
        lines = [f'--x\r\nContent-Disposition: form-data; name="{name}"' + ('; filename="a"' if chance.random() < 0.3 else "") + f"\r\n\r\n{one}\r\n"
                 for name, one in fields.items()]
        data = bytearray("".join(lines).encode("utf-8", "replace") + b"--x--\r\n")
        kind = "multipart/form-data; boundary=x"
    else:
        data, kind = bytearray(json.dumps(fields).encode()), "application/json"
    if chance.random() < 0.3:
        for _ in range(chance.choice([1, 1, 4, 16])):
            data[chance.randrange(len(data))] = chance.choice(b'{}[]",:0-9.\xff\x00nu\\')
    return bytes(data), kind


def part(url, endpoints, numbers, seed):
    """-> how many answers there were of each hundred, and those that are not as they should be"""
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=120)
    counts, wrong = {}, []
    for number in numbers:
        chance = random.Random(f"{seed} {number}")
        method, path = chance.choice(endpoints)
        path = path.replace("{id}", chance.choice(["a", "%00", "-1", "%2e%2e"])).replace("{number}", chance.choice(["0", "-1", "9" * 20]))
        if chance.random() < 0.1:
            path += "?" + chance.choice(["side=1", "format=x", "id_task=a", "update=true", "alias_names=1", "%00=%ff", "=&&=", "skip_current_image=true"])
        data, kind = body_for(chance, path) if method == "POST" else (None, "")
        connection.request(method, path, data, {"Content-Type": kind} if data else {})
        answer = connection.getresponse()
        text = answer.read()
        counts[answer.status // 100] = counts.get(answer.status // 100, 0) + 1
        try:
            said = json.loads(text) if answer.status >= 400 else None
            # Of our own: no memory, or a picture that holds what is no number. Never an error inside.
            good = answer.status < 400 or (answer.status in (500, 503) or answer.status < 500) and bool(said.get("detail") or said["error"]) and b"internal" not in text
        except (ValueError, KeyError, AttributeError):
            good = False
        if not good:
            wrong.append((number, method, path, answer.status, data, text[:300]))
    return counts, wrong


def fuzz(url, requests, seed, threads=8):
    where = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    connection.request("GET", "/openapi.json")
    document = json.loads(connection.getresponse().read())
    endpoints = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    # Those with bodies more often, and none that waits for a model to be loaded again.
    endpoints = [one for one in endpoints for _ in range(6 if one[0] == "POST" else 1) if "load-checkpoint" not in one[1]]
    counts, wrong = {}, []
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for found, bad in pool.map(lambda i: part(url, endpoints, range(i, requests, threads), seed), range(threads)):
            wrong += bad
            for hundred, count in found.items():
                counts[hundred] = counts.get(hundred, 0) + count
    return counts, wrong


if __name__ == "__main__":
    asked, seed = (int(word) for word in (sys.argv[2:] + ["100000", "1"][len(sys.argv) - 2:])[:2])
    counts, wrong = fuzz(sys.argv[1], asked, seed)
    print(f"{sum(counts.values())} requests: " + ", ".join(f"{count} answered {hundred}xx" for hundred, count in sorted(counts.items())))
    for one in wrong[:10]:
        print("wrong:", one)
    sys.exit(bool(wrong))
