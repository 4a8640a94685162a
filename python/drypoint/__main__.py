"""`python -m drypoint` is the command `drypoint`."""

from ._command import main

main()
