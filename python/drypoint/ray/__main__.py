"""`python -m drypoint.ray`: on this machine, or on the cluster that Ray is connected to."""

from __future__ import annotations

import argparse
import os

from ray import serve  # type: ignore[import-not-found,unused-ignore]

from .application import Settings, application


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m drypoint.ray", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument(
        "--replicas", default="1", help="2, or 1:8 for as many as there is work for"
    )
    parser.add_argument("--gpus", type=float, default=0, help="of each replica")
    parser.add_argument("--cpus", type=float, default=1, help="of each replica")
    parser.add_argument("options", nargs="*", help="after --: those of drypoint serve")
    given = parser.parse_args()
    least, _, most = given.replicas.partition(":")
    settings = Settings(
        options=tuple(given.options),
        replicas=(int(least), int(most or least)),
        gpus=given.gpus,
        cpus=given.cpus,
    )
    # Engines that begin keep a machine's processors busy for longer than Ray's usual 5 seconds.
    os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")
    serve.start(http_options={"host": given.host, "port": given.port})
    serve.run(application(settings), blocking=True)


main()
