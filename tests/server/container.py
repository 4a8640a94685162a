"""Builds deploy/Dockerfile without Docker: each stage in a root that debootstrap makes, then runs what it starts as it says.

usage: container.py FOLDER [PREFIX]    as root; the stages' roots are made in FOLDER

With PREFIX, where Drypoint is installed (`cmake --install`), the stage that builds it is left out.
"""
import json
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).parents[2]
folder, prefix = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else None


def instructions():
    text = (SOURCE / "deploy/Dockerfile").read_text().replace("\\\n", " ")
    return [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]


def stages():
    """-> [(image, name, instructions)]"""
    found = []
    for word, rest in instructions():
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            found.append((image, name or "last", []))
        elif word != "ARG" or found:
            found[-1][2].append((word, rest))
    return found


def base(image, root):
    """What Debian's image of this tag is made from."""
    name, _, tag = image.partition(":")
    if name != "debian":
        sys.exit(f"{image}: expected a Debian image")
    suite = {"12": "bookworm", "13": "trixie"}[tag.removesuffix("-slim")]
    if not (root / "etc").exists():
        subprocess.run(["debootstrap", "--variant=minbase", suite, root], check=True, stdout=subprocess.DEVNULL)


def run_in(root, command, where="/"):
    print("RUN", command[:100], flush=True)
    subprocess.run(["chroot", root, "sh", "-c", f"cd {shlex.quote(where)} && {command}"], check=True)


def copy(words, root, where, roots):
    source_of = SOURCE
    if words[0].startswith("--from="):
        source_of = roots[words.pop(0).removeprefix("--from=")]
    source, target = words
    to = root / (target if target.startswith("/") else f"{where}/{target}").lstrip("/")
    if source == ".":
        to.mkdir(parents=True, exist_ok=True)
        files = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z"], check=True, capture_output=True).stdout
        subprocess.run(f"tar -C {SOURCE} --null -T - -cf - | tar -C {to} -xf -", shell=True, input=files, check=True)
    else:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(source_of / source.lstrip("/"), to, symlinks=True)


def build(image, name, steps, roots):
    root = roots[name] = folder / name
    root.mkdir(parents=True, exist_ok=True)
    base(image, root)
    settings, where = {}, "/"
    for word, rest in steps:
        if word == "RUN":
            run_in(root, rest, where)
        elif word == "WORKDIR":
            where = rest
        elif word == "COPY":
            copy(rest.split(), root, where, roots)
        else:
            settings[word] = rest
    return root, settings


def check(root, settings):
    """Not root, nothing to write, and no network but its own."""
    user, group = settings["USER"].split(":")
    health = json.loads(settings["HEALTHCHECK"].partition("CMD ")[2])
    command = json.loads(settings["ENTRYPOINT"]) + ["--insecure", "--log", "--journal", "/var/lib/drypoint/jobs.sqlite"]
    inside = f"mount --bind {root} {root} && mount -t proc proc {root}/proc && mount -o remount,ro,bind {root} && " \
        f"mount -t tmpfs -o uid={user},gid={group} volume {root}/var/lib/drypoint && ip link set lo up && exec chroot --userspec={user}:{group} {root} "
    process = subprocess.Popen(["unshare", "-m", "-n", "sh", "-c", inside + shlex.join(command)], stderr=subprocess.PIPE, text=True)
    probe = ["nsenter", "-t", str(process.pid), "-n", "chroot", root]  # the server's network
    for _ in range(600):
        healthy = subprocess.run([*probe, *health], capture_output=True).returncode == 0
        if healthy or process.poll() is not None:
            break
        time.sleep(0.1)
    drawn = subprocess.run([*probe, "curl", "-fsS", "http://127.0.0.1:7860/sdapi/v1/txt2img", "-d",
                            '{"prompt": "a bird", "width": 64, "height": 64, "steps": 2}'], capture_output=True, text=True) if healthy else None
    process.send_signal(getattr(signal, settings["STOPSIGNAL"]))
    told = process.communicate(timeout=60)[1]
    if not healthy or drawn.returncode or '"images":["iVBOR' not in drawn.stdout or process.returncode:
        sys.exit(f"error: healthy: {healthy}, drawn: {drawn and drawn.stderr}, ended with {process.returncode}: {told}")
    print("drawn as nobody, in a read-only root without a network; ended by", settings["STOPSIGNAL"], "with 0")


roots = {}
for image, name, steps in stages():
    if prefix and name == "build":
        roots[name] = folder / "prefix"
        shutil.rmtree(roots[name], ignore_errors=True)
        shutil.copytree(prefix, roots[name] / "opt/drypoint", symlinks=True)
        continue
    root, settings = build(image, name, steps, roots)
check(root, settings)
