"""A table of our runs against a peer's. usage: compare.py HEIGHT WIDTH OURS.json... PEER.json..."""
import datetime
import json
import statistics
import subprocess
import sys

height, width, files = sys.argv[1], sys.argv[2], sys.argv[3:]
runs = [json.load(open(name)) for name in files]
ours, peers = runs[: len(runs) // 2], runs[len(runs) // 2:]


def pooled(some, key):
    return statistics.median(value for run in some for value in run[key])


def command(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()


cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), "?")
print(f"{datetime.date.today()}, commit {command('git', 'rev-parse', '--short', 'HEAD')}, {cpu}, "
      f"{ours[0]['threads']} threads, {height}x{width}, float32; peer: {peers[0]['peer']}\n")
print("| | Drypoint | PyTorch | times as fast |")
print("| --- | --- | --- | --- |")
for name, key in (("denoiser step, s", "step_seconds"), ("VAE decode, s", "decode_seconds")):
    a, b = pooled(ours, key), pooled(peers, key)
    print(f"| {name} | {a:.2f} | {b:.2f} | {b / a:.2f} |")
print(f"\nFrom start to first step: {ours[0]['seconds_to_first_step']:.1f} s; "
      f"peak memory with denoiser and text encoder {ours[0]['peak_mib_of_denoiser']:.0f} MiB, "
      f"with the VAE {ours[0]['peak_mib']:.0f} MiB.")
