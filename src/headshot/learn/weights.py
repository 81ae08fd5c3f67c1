"""Exporting networks, and making them small: weights of 16 or 8 bits, turned back when they are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from headshot.errors import MissingExtraError


def write_onnx(network: nn.Module, side: int, outputs: Sequence[str], file: Path) -> None:
    """Write a network as ONNX, from ``pixels`` (N, side, side, 3) uint8 to its outputs (N, ...)."""
    batch = {0: "faces"}
    torch.onnx.export(
        network.eval(),
        (torch.zeros(2, side, side, 3, dtype=torch.uint8),),
        str(file),
        dynamo=False,
        opset_version=17,
        input_names=["pixels"],
        output_names=list(outputs),
        dynamic_axes=dict.fromkeys(("pixels", *outputs), batch),
    )


def compress(file: Path, *, eight_bits_from: int | None = None, dimensions: tuple[int, ...] = (4,)) -> None:
    """Store the weights of an ONNX file as float16, each with a cast to float32 behind it.

    Args:
        file: to change.
        eight_bits_from: weights with so many values get 8 bits, and a factor for each entry of their first
            dimension (an output of convolutions): errors of at most 1/254 of the largest weight there.
        dimensions: so many dimensions such weights have; 4 are convolutions.

    Raises:
        MissingExtraError: onnx is not installed.
    """
    try:
        import onnx
        from onnx import helper, numpy_helper
    except ImportError as error:
        raise MissingExtraError('the export needs onnx: pip install "headshot[train]"') from error
    model = onnx.load(str(file))
    graph, nodes = model.graph, []
    for weight in [w for w in graph.initializer if w.data_type == onnx.TensorProto.FLOAT and len(w.dims) > 1]:
        values, name = numpy_helper.to_array(weight), weight.name
        coarse = eight_bits_from is not None and values.ndim in dimensions and values.size >= eight_bits_from
        stored: dict[str, NDArray[Any]] = {f"{name}.half": values.astype(np.float16)}
        turned = name
        if coarse:
            largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
            scale = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
            stored = {f"{name}.levels": np.rint(values / scale).astype(np.int8), f"{name}.scale": scale}
            turned = f"{name}.float"
        nodes.append(helper.make_node("Cast", [next(iter(stored))], [turned], to=onnx.TensorProto.FLOAT))
        if coarse:
            nodes.append(helper.make_node("Mul", [turned, f"{name}.scale"], [name]))
        graph.initializer.remove(weight)
        graph.initializer.extend(numpy_helper.from_array(array, key) for key, array in stored.items())
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(file))
