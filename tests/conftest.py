"""Fixtures: the photos of the repository, the optional research data, and made-up skinned models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headshot.models.head_model import load_head_model

ROOT = Path(__file__).parent.parent
IDENTITY, EXPRESSIONS, JOINTS = 30, 12, 5
PARENTS = (-1, 0, 1, 1, 1)
METRES = 1e-3


@pytest.fixture(scope="session")
def photos() -> Path:
    """Folder of the public-domain photos in this repository."""
    return ROOT / "photos"


@pytest.fixture(scope="session")
def data() -> Path:
    """Research data (see docs/reference/data.md); the tests that need it are skipped where it is absent."""
    folder = os.environ.get("HEADSHOT_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set HEADSHOT_DATA to the folder of the research data sets to run this test")
    return Path(folder)


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The research data that tests of the papers' systems need, or rendered heads in the same layouts."""
    folder = os.environ.get("HEADSHOT_DATA")
    if folder and Path(folder).is_dir():
        return Path(folder)
    made = tmp_path_factory.mktemp("small_data")
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(ROOT / "tools" / "small_data_set.py"), str(made)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path})
    return made


class SkinnedArrays:
    """What files of FLAME and GNM hold, made of the bundled head's skin so that real faces fit.

    With a neck, a jaw and two eyes; metres, and the origin elsewhere.
    """

    identities, expressions, parents = IDENTITY, EXPRESSIONS, PARENTS

    def __init__(self) -> None:
        head = load_head_model("low")
        self.head = head
        used = np.unique(head.part_triangles("skin"))
        place = np.full(len(head.mean), -1)
        place[used] = np.arange(len(used))
        self.used, self.triangles = used, place[head.part_triangles("skin")].astype(np.uint32)
        first, last = head.parts["skin"]
        self.uv = head.uv[head.triangles_uv[first:last]] * [1, -1] + [0, 1]
        self.mean = (head.mean[used] + [3.0, -20.0, 40.0]) * METRES
        self.identity = head.identity[:IDENTITY][:, used] * METRES
        names = [n for n in head.expression_names if n.startswith(("mouth", "brow"))][:EXPRESSIONS]
        rows = [head.expression_names.index(name) for name in names]
        self.expression = 0.4 * head.expression[rows][:, used] * METRES
        jaw = np.linalg.norm(head.expression[head.expression_names.index("jawOpen")][used], axis=1)
        weight = np.zeros((len(used), JOINTS))
        weight[:, 2] = np.clip(jaw / jaw.max() * 1.4, 0, 1)
        low = np.clip((-90 - head.mean[used, 1]) / 60, 0, 1) * (1 - weight[:, 2])
        weight[:, 0], weight[:, 1] = low, 1 - low - weight[:, 2]
        self.weight = weight
        rng = np.random.default_rng(8)
        self.corrective = rng.normal(0, 2e-4, (9 * (JOINTS - 1), len(used), 3)) * weight[:, 2, None]
        # A joint is the mean of vertices on both sides: the jaw's of those before the ears.
        self.regressor = np.zeros((JOINTS, len(used)))
        targets = [[60, -120, -60], [60, -60, -70], [65, -25, -70], [31, 0, 0], [-31, 0, 0]]
        for joint, target in enumerate(targets):
            for side in (1, -1) if joint < 3 else (1, 1):
                away = ((head.mean[used] - np.array(target) * [side, 1, 1]) ** 2).sum(axis=1)
                self.regressor[joint, np.argsort(away)[:20]] += 1 / 40
        points = head.landmarks["ibug68"]
        rows_of = {tuple(t): k for k, t in enumerate(self.triangles.tolist())}
        self.faces = np.array([rows_of[tuple(place[t])] for t in head.triangles[points.triangle].tolist()])
        self.barycentric = points.barycentric.astype(np.float64)

    def flame(self) -> dict[str, np.ndarray]:
        """As FLAME's pickle has them, and its landmark embeddings."""
        modes = np.concatenate([self.identity, self.expression])
        dynamic = np.tile(self.faces[:17], (79, 1)), np.tile(self.barycentric[:17], (79, 1, 1))
        return {
            "v_template": self.mean,
            "shapedirs": np.moveaxis(modes, 0, 2),
            "posedirs": np.moveaxis(self.corrective, 0, 2),
            "J_regressor": self.regressor,
            "kintree_table": np.array([[2**32 - 1, *PARENTS[1:]], range(JOINTS)], np.uint32),
            "weights": self.weight,
            "f": self.triangles,
            "identity_modes": np.array(IDENTITY),
            "lmk_faces_idx": self.faces[17:],
            "lmk_b_coords": self.barycentric[17:],
            "dynamic_lmk_faces_idx": dynamic[0],
            "dynamic_lmk_bary_coords": dynamic[1],
        }

    def gnm(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """As ``gnm_head.npz`` has them, and the landmarks."""
        corrective = np.concatenate([np.zeros((9, *self.mean.shape)), self.corrective])
        model = {
            "version": np.array("3.0"),
            "variant": np.array("head"),
            "template_vertex_positions": self.mean.astype(np.float32),
            "template_joint_positions": self.regressor @ self.mean,
            "vertex_identity_basis": self.identity,
            "joint_identity_basis": np.einsum("jv,kvc->kjc", self.regressor, self.identity),
            "expression_basis": self.expression,
            "identity_names": np.array([f"head_{k}" for k in range(IDENTITY)]),
            "joint_names": np.array(["neck", "head", "chin", "left_eye", "right_eye"]),
            "expression_names": np.array([f"lower_face_region_{k}" for k in range(EXPRESSIONS)]),
            "joint_parent_indices": np.array([0, *PARENTS[1:]]),
            "skinning_weights": self.weight.T,
            "pose_correctives_regressor": corrective.reshape(9 * JOINTS, -1),
            "triangles": self.triangles.astype(np.int64),
            "triangle_uvs": self.uv,
        }
        return model, {"indices": self.triangles[self.faces], "weights": self.barycentric}

    @staticmethod
    def write_safetensors(file: Path, arrays: dict[str, np.ndarray]) -> None:
        """A safetensors file by its specification."""
        kinds = {"float64": "F64", "float32": "F32", "int64": "I64", "uint32": "U32"}
        header, content = {}, b""
        for name, values in arrays.items():
            data = np.ascontiguousarray(values).tobytes()
            header[name] = {
                "dtype": kinds[str(values.dtype)],
                "shape": list(values.shape),
                "data_offsets": [len(content), len(content) + len(data)],
            }
            content += data
        text = json.dumps({"__metadata__": {"format": "np"}, **header}).encode()
        file.write_bytes(len(text).to_bytes(8, "little") + text + content)


@pytest.fixture(scope="session")
def skinned_arrays() -> SkinnedArrays:
    """Arrays of files in the layouts of FLAME and GNM."""
    return SkinnedArrays()
