"""Setting up ONNX Runtime to stay offline."""

from __future__ import annotations

import os


def prepare() -> None:
    """What must happen before ONNX Runtime is first imported; again does no harm.

    Unless this variable is set, ONNX Runtime (seen in 1.31) keeps a device ID and reports of its use, meant
    for Microsoft, in the user's cache folder; its function ``disable_telemetry_events`` comes too late for
    that. Headshot works with people's photos and promises to stay offline.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
