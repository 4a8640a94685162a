"""A table of our runs against a peer's, and against the device's limits where a profile has them."""
import argparse
import datetime
import json
import statistics
import subprocess

# What it is called here, in `bench_step` and in `profile`.
PARTS = (("text encoder, 2 prompts", "text", "text"),
         ("once a picture: hint, keys and values, time embeddings", "picture_part", "hint"),
         ("denoiser step", "step", "step"),
         ("VAE decode", "decode", "vae"),
         ("picture of 20 steps, prompt to pixels", "picture", "picture"))

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("height", type=int)
parser.add_argument("width", type=int)
parser.add_argument("--ours", nargs="+", required=True, help="JSON of bench_step")
parser.add_argument("--peers", nargs="+", required=True, help="JSON of a script in bench/peers")
parser.add_argument("--profile", help="JSON of drypoint profile")
options = parser.parse_args()


def read(name):
    with open(name) as file:
        return json.load(file)


def pooled(runs, part):
    times = [value for run in runs for value in run.get(part + "_seconds", [])]
    return statistics.median(times) if times else None


def limits(profile):
    """Seconds of each part, of which a picture takes the step 20 times."""
    of_part = {part["name"]: sum(operation["limit_seconds"] for operation in part["operations"])
               for part in profile["parts"]}
    of_part["picture"] = sum(of_part.values()) + 19 * of_part["step"]
    return of_part


def shown(seconds):
    if seconds is None:
        return ""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    milliseconds = 1e3 * seconds
    return f"{milliseconds:.{3 if milliseconds < 1 else 2 if milliseconds < 10 else 1}f} ms"


def device(run):
    if run["device"].startswith("cuda"):
        return run["device"]
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if "model name" in line]
    return f"{names[0] if names else 'a CPU'}, {run['threads']} threads, float32"


ours, peers = [read(name) for name in options.ours], [read(name) for name in options.peers]
limit = limits(read(options.profile)) if options.profile else {}
commit = subprocess.run(("git", "rev-parse", "--short", "HEAD"), capture_output=True, text=True).stdout
print(f"{datetime.date.today()}, commit {commit.strip() or '?'}, {device(ours[0])}, "
      f"{options.height}x{options.width}; peer: {peers[0]['peer']}\n")
print("| | Drypoint | PyTorch | times as fast |" + (" limit |" if limit else ""))
print("| --- | --- | --- | --- |" + (" --- |" if limit else ""))
for name, part, profiled in PARTS:
    own, peer = pooled(ours, part), pooled(peers, part)
    if own is None or (peer is None and not limit):
        continue
    row = [name, shown(own), shown(peer), f"{peer / own:.2f}" if peer else ""]
    if limit:
        row.append(shown(limit[profiled]))
    print("| " + " | ".join(row) + " |")
print(f"\nFrom start to first step: {ours[0]['seconds_to_first_step']:.1f} s; "
      f"peak host memory with denoiser and text encoder {ours[0]['peak_mib_of_denoiser']:.0f} MiB, "
      f"with the VAE {ours[0]['peak_mib']:.0f} MiB.")
