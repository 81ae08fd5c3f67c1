"""Give an exported identity network its output "embedding", if it lacks it.

    python tools/networks/identity_embedding.py src/headshot/assets/identity.onnx

`headshot learn identity RUN --export` writes it since photos of people are compared by it; older exports hold
the same layers, and only do not show it. The embedding (N, 256) is what the layers that average over the crop
give to the layer that reads the feature (headshot.learn.networks.identity). Nothing else changes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
from onnx import helper

NAME = "embedding"


def add_embedding(model: onnx.ModelProto) -> bool:
    """Add the output to a model; whether it was missing.

    Raises:
        ValueError: the model is no identity network.
    """
    graph = model.graph
    if NAME in [output.name for output in graph.output]:
        return False
    flatten = [node for node in graph.node if node.op_type == "Flatten"]
    if len(flatten) != 1 or [o.name for o in graph.output] != ["identity", "identity_sigma"]:
        raise ValueError("this is no identity network: expected one layer Flatten and two outputs")
    inner = flatten[0].output[0]
    flatten[0].output[0] = NAME
    for node in graph.node:
        for k, name in enumerate(node.input):
            if name == inner:
                node.input[k] = NAME
    batch = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    graph.output.append(helper.make_tensor_value_info(NAME, onnx.TensorProto.FLOAT, [batch, 256]))
    onnx.checker.check_model(model)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="ONNX, which is changed")
    file = parser.parse_args().file
    model = onnx.load(str(file))
    if add_embedding(model):
        onnx.save(model, str(file))
    print(f"{file} has the outputs {', '.join(output.name for output in model.graph.output)}")


if __name__ == "__main__":
    main()
