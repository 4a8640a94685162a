#!/bin/sh
# The wheel in fresh roots of two distributions without compiler, by debootstrap and chroot, as root:
# roots.sh WHEEL PICTURE [SUITE ...]    (bookworm trixie)
set -eu
wheel=$1
picture=$2
shift 2
for suite in ${*:-bookworm trixie}; do
  root=$(mktemp -d)
  debootstrap --variant=minbase --include=python3-venv,ca-certificates "$suite" "$root" >/dev/null
  mkdir "$root/in"
  cp "$wheel" "$root/in"
  cp "$picture" "$root/in/picture.png"
  for file in resolv.conf hosts ssl/certs/ca-certificates.crt; do
    cp "/etc/$file" "$root/etc/$file" || true
  done
  mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"  # debootstrap may have taken it away
  chroot "$root" /bin/sh -ec '
    if command -v cc; then exit 1; fi
    python3 -m venv /venv
    /venv/bin/pip install -q /in/drypoint-*.whl
    /venv/bin/python -c "
import drypoint
result = drypoint.Pipeline().generate(\"a red ladybug\", image=\"/in/picture.png\", seed=1, steps=8)
result.save(\"/in/drawn.png\")
print(result)"
    /venv/bin/drypoint text /in/drawn.png'
  sha256sum "$root/in/drawn.png"
  umount "$root/proc"
  rm -r "$root"
done
