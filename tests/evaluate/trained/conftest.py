"""One thread for torch: test processes run side by side, where more are many times slower."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("torch"):
    import torch

    torch.set_num_threads(1)
