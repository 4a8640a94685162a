#!/bin/sh
# Installs what Debian 12 or Ubuntu 24.04 (or later) lacks to build Drypoint, and nothing when all
# is there. Give the purposes: build (the default), test, lint, fuzz, bench, python,
# or all of them; or pages, which Debian alone has as packages.
set -eu

build="g++ cmake ninja-build make pkg-config ccache libhwy-dev
       libpng-dev libjpeg-dev libwebp-dev libfmt-dev nlohmann-json3-dev libcli11-dev libutf8proc-dev
       zlib1g-dev libmicrohttpd-dev nettle-dev libsqlite3-dev"
python="python3-dev python3-venv"
test="libgtest-dev libgmock-dev liblzma-dev $python"
lint="clang-format clang-tidy"
fuzz="clang libclang-rt-dev"
bench="python3 python3-venv"
pages="python3 python3-venv chromium chromium-driver"

wanted=$build
for purpose in "$@"; do
  case $purpose in
    build) ;;
    test) wanted="$wanted $test" ;;
    lint) wanted="$wanted $test $lint" ;;
    fuzz) wanted="$wanted $fuzz" ;;
    bench) wanted="$wanted $bench" ;;
    python) wanted="$wanted $python" ;;
    pages) wanted="$wanted $pages" ;;
    all) wanted="$wanted $test $lint $fuzz $bench" ;;
    *)
      echo "setup.sh: unknown purpose \"$purpose\", expected build, test, lint, fuzz, bench, python, pages or all" >&2
      exit 2
      ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "setup.sh: this is neither Debian nor Ubuntu; install what these packages hold:" $wanted >&2
  echo "setup.sh: then run make with SETUP=true to go on without this script" >&2
  exit 1
fi

missing=""
for package in $wanted; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || true
  [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root="env"
elif command -v sudo >/dev/null; then
  as_root="sudo env"
else
  echo "setup.sh: these packages are missing, and installing them takes root or sudo:" >&2
  echo "  apt-get install$missing" >&2
  exit 1
fi

echo "setup.sh: installing with apt-get:$missing"
$as_root apt-get update -qq
$as_root DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing
