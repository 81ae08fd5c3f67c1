"""Training on several processes, one a device: `torchrun --nproc-per-node 4 -m headshot learn face ...`.

Every process has the whole network and a share of each batch; gradients are averaged before each step of the
optimiser, so that a run is the same for any number of processes, up to rounding, random numbers within the
network and the statistics of batch normalisation, which each process gathers from its own share (running
statistics are averaged before they are used). Within a process group that is already there, such as one that
Accelerate has made, training takes part in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from headshot.errors import HeadshotError


@dataclass(frozen=True)
class Group:
    """The processes that train together.

    Attributes:
        rank: of this one; the first (0) validates, writes and talks.
        size: how many there are.
        device: of this process, as PyTorch names it.
    """

    rank: int
    size: int
    device: str

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def share(self, batch: int) -> int:
        """Items of a batch for each process.

        Raises:
            HeadshotError: the batch cannot be shared evenly.
        """
        if batch % self.size:
            raise HeadshotError(
                f"a batch of {batch} cannot be shared by {self.size} processes: give --batch a multiple of "
                f"{self.size}"
            )
        return batch // self.size

    def any(self, mine: bool) -> bool:
        """Whether something is true in any process; all must call it."""
        if self.size == 1:
            return mine
        flag = torch.tensor([float(mine)], device=self.device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag.item())

    def copy_first(self, network: nn.Module) -> None:
        """Give every process the first one's weights and statistics."""
        if self.size > 1:
            for tensor in network.state_dict().values():
                dist.broadcast(tensor, 0)

    def mean_gradients(self, network: nn.Module) -> None:
        """Average the gradients over the processes, in one message.

        A weight that this process's share did not use counts as zero, as it does in the whole batch.
        """
        if self.size > 1:
            weights = [p for p in network.parameters() if p.requires_grad]
            for weight in weights:
                if weight.grad is None:
                    weight.grad = torch.zeros_like(weight)
            self._mean([w.grad for w in weights if w.grad is not None])

    def mean_statistics(self, network: nn.Module) -> None:
        """Average the floating-point buffers (those of batch normalisation) over the processes."""
        if self.size > 1:
            self._mean([buffer for buffer in network.buffers() if buffer.is_floating_point()])

    def _mean(self, tensors: list[Tensor]) -> None:
        if not tensors:
            return
        message = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(message)
        message /= self.size
        for tensor, mean in zip(tensors, message.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))


def own_device(device: str) -> str:
    """The device of this process: of several "cuda" devices, the one that `torchrun` numbers."""
    rank = os.environ.get("LOCAL_RANK")
    return f"cuda:{rank}" if device == "cuda" and rank is not None else device


@contextmanager
def join(device: str) -> Iterator[Group]:
    """The processes of this run: as `torchrun` set them up, a group that is there already, or this one alone.

    Args:
        device: of this process, from `own_device`.

    Raises:
        HeadshotError: several processes are wanted, and this PyTorch cannot connect them.
    """
    wanted = int(os.environ.get("WORLD_SIZE", "1"))
    there = dist.is_available() and dist.is_initialized()
    if wanted == 1 and not there:
        yield Group(0, 1, device)
        return
    if not dist.is_available():
        raise HeadshotError("this PyTorch was built without torch.distributed: train with one process")
    if not there:
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Group(dist.get_rank(), dist.get_world_size(), device)
        if not there:
            dist.barrier()  # threads of a connection whose other end has gone may abort the process
    finally:
        if not there:
            dist.destroy_process_group()
