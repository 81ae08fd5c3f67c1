"""The bundled networks, each loaded when it is first needed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import onnxruntime as ort

from headshot import assets


@cache
def session(name: str) -> ort.InferenceSession:
    """A network of the assets folder in ONNX Runtime, on one thread; safe to share between threads.

    Args:
        name: of the asset, without ``.onnx``.

    Raises:
        AssetError: the file is missing or altered.
    """
    return open_network(assets.path(f"{name}.onnx"))


def open_network(file: Path) -> ort.InferenceSession:
    """The network of an ONNX file in ONNX Runtime, on one thread; its errors are those of ONNX Runtime."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
