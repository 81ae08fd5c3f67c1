"""The bundled networks, each loaded when it is first needed."""

from __future__ import annotations

from functools import cache

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
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    file = str(assets.path(f"{name}.onnx"))
    return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
