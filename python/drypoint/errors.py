"""What can go wrong: an exception for each kind of the library's errors.

Each message is one line that names the file, tensor or field, what was found, and what was
expected.
"""

from __future__ import annotations

__all__ = [
    "BadArgument",
    "BadFile",
    "Cancelled",
    "DeviceFailure",
    "Error",
    "InternalError",
    "NonFinite",
    "OutOfMemory",
    "Unsupported",
    "WriteFailed",
]


class Error(Exception):
    """Any error of the library; `kind` is its name as in JSON and exit codes."""

    kind: str = ""


class BadArgument(Error, ValueError):
    """A field or keyword is out of range, or contradicts another."""

    kind = "bad_argument"


class BadFile(Error, OSError):
    """A file is missing, unreadable, damaged, or not what it should be."""

    kind = "bad_file"


class Unsupported(Error, NotImplementedError):
    """Understood, but this build, model or device cannot do it."""

    kind = "unsupported"


class OutOfMemory(Error, MemoryError):
    """Host or device memory does not suffice; the message has both numbers."""

    kind = "out_of_memory"


class DeviceFailure(Error, RuntimeError):
    """The device failed or was lost."""

    kind = "device_failure"


class WriteFailed(Error, OSError):
    """An output could not be written; nothing was left behind."""

    kind = "write_failed"


class NonFinite(Error, ArithmeticError):
    """Weights or a computation hold NaN or infinity; the message says where."""

    kind = "non_finite"


class Cancelled(Error):
    """A `stop` said true, a job was given up, or its queue has ended."""

    kind = "cancelled"


class InternalError(Error, RuntimeError):
    """A mistake of Drypoint's own; the message says where in its code."""

    kind = "internal"


by_kind: dict[str, type[Error]] = {
    error.kind: error
    for error in (
        BadArgument,
        BadFile,
        Unsupported,
        OutOfMemory,
        DeviceFailure,
        WriteFailed,
        NonFinite,
        Cancelled,
        InternalError,
    )
}
