"""What of a request decides where it goes, and that it is the same picture anywhere."""

from __future__ import annotations

import json
import random
import re
import secrets
from typing import Any

#: Requests whose pictures have a seed.
DRAWING = {"/api/v1/jobs", "/sdapi/v1/img2img", "/sdapi/v1/txt2img", "/v1/images/generations"}
#: The same as forms.
FORMS = {"/v1/images/edits"}


def _object_of(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:  # the replica says what is wrong with it
        return None
    return found if isinstance(found, dict) else None


def with_seed(path: str, content_type: str, body: bytes) -> bytes:
    """The body with a seed where it leaves that to chance."""
    if path in FORMS and content_type.startswith("multipart/form-data"):
        return _form_with_seed(content_type, body)
    found = _object_of(body) if path in DRAWING | FORMS else None
    if found is None or found.get("seed", -1) not in (-1, None):
        return body
    found["seed"] = random.getrandbits(32)
    return json.dumps(found).encode()


def _form_with_seed(content_type: str, body: bytes) -> bytes:
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if boundary is None or re.search(rb'name="?seed"?[\r;]', body):
        return body
    line = b"--" + boundary.group(1).encode()
    part = b'\r\nContent-Disposition: form-data; name="seed"\r\n\r\n%d\r\n' % random.getrandbits(32)
    return line + part + body


def with_id(body: bytes) -> bytes:
    """A job's body with an id, so that it is the same job at another replica."""
    found = _object_of(body)
    if found is None or found.get("id"):
        return body
    found["id"] = secrets.token_hex(16)
    return json.dumps(found).encode()


def model_of(body: bytes) -> str:
    """What must be in memory to draw it: checkpoint, ControlNet, adapters; "" for what there is."""
    found = _object_of(body) or {}
    overridden = found.get("override_settings")
    settings = overridden if isinstance(overridden, dict) else {}
    parts = [found.get("model") or settings.get("sd_model_checkpoint"), found.get("control")]
    parts += sorted(re.findall(r"<lora:([^:>]+)", str(found.get("prompt", ""))))
    return "|".join(str(part) for part in parts if part)
