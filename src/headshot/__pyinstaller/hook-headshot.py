"""PyInstaller's hook: assets, modules that are imported by name, and versions that are asked for."""

from __future__ import annotations

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

_TRAINING = ("headshot.learn", "headshot.evaluate.trained")  # need PyTorch


def _is_wanted(name: str) -> bool:
    return not name.startswith((*_TRAINING, "headshot.__pyinstaller"))


datas = collect_data_files("headshot")
for package in ("headshot", "numpy", "numba", "onnxruntime", "pillow"):
    datas += copy_metadata(package)
hiddenimports = collect_submodules("headshot", filter=_is_wanted)
