"""The device on which the networks of stages run.

It is a setting of the process, not a parameter of a stage: it says where a stage computes, not what it does to sound,
and a chain that was saved on one machine has to run on another. Streams stay on the CPU, and so does what a network
remembers between two calls. Only the network itself is moved (`placed`), and called through `run`.

Results of the CPU are the reference. Other devices sum in another order, so theirs differ by rounding.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from aural.errors import ParameterError
from aural.parameters import brief

if TYPE_CHECKING:
    from torch import nn

N = TypeVar("N", bound="nn.Module")

M_MMAP_THRESHOLD, LARGE_BYTES = -3, 9 << 17
"""What malloc.h calls the size from which arrays have pages of their own; setting it keeps it from growing. Smaller
ones, such as a block of two channels in float64 (1 MB), are used again: fresh pages for each take more time."""

DEVICES = ("auto", "cpu", "cuda", "mps")

_wanted = "auto"


def device(name: str) -> None:
    """Choose the device for the networks of all streams that are opened from now on in this process.

    Args:
        name: `cpu`, `cuda`, `mps`, or `auto`, which is CUDA where it is available and the CPU elsewhere.

    Raises:
        ParameterError: there is no such device, or none on this machine.
    """
    global _wanted
    _wanted = name if name == "auto" else resolved(name)


def wanted() -> str:
    """Return the name that was chosen, to pass it on to another process."""
    return _wanted


def resolved(name: str) -> str:
    """Return the device that a name stands for: `cpu`, `cuda` or `mps`.

    Raises:
        ParameterError: there is no such device, or none on this machine.
    """
    if name not in DEVICES:
        allowed = f"one of {', '.join(DEVICES)}"
        raise ParameterError(f"device must be {allowed}, got {brief(name)}", parameter="device", allowed=allowed)
    if name == "cpu":
        return name
    import torch

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return "cuda" if available["cuda"] else "cpu"
    if not available[name]:
        raise ParameterError(
            f"device {name} is not available on this machine; choose auto or cpu", parameter="device"
        )
    return name


def placed(network: N) -> N:
    """Move a network to the chosen device; return it."""
    return network.to(resolved(_wanted))


def run(network: nn.Module, *inputs: Any) -> Any:
    """Run a network where it is. Its inputs and outputs, tensors alone or in tuples, lists and dataclasses, are on
    the CPU; slices pass as they are."""
    import torch

    where = next(network.parameters()).device
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False), _attention_in_parts():  # TF32 keeps 10 bits
        return _moved(network(*_moved(inputs, where)), torch.device("cpu"))


@contextmanager
def _attention_in_parts() -> Iterator[None]:
    """Do without torch's fast path for attention: it holds the whole matrix, 230 MB for the segment of htdemucs."""
    import torch

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@cache
def give_memory_back() -> None:
    """Let glibc give the memory of large arrays back to the system as soon as they are freed, from now on.

    By itself it keeps arrays of up to 32 MB for later, and a large network, whose arrays are of many sizes, then
    holds about half as much again as it needs. Elsewhere than under glibc nothing changes.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def threads(network: nn.Module) -> int:
    """Return how many parts of a signal a network may work on at the same time: other devices than the CPU take it
    whole."""
    import torch

    return torch.get_num_threads() if next(network.parameters()).device.type == "cpu" else 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on the CPU in one thread, which is faster where there are many small steps, as in recurrent layers: in
    each of them threads would wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _moved(value: Any, where: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(_moved(item, where) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _moved(getattr(value, field.name), where) for field in fields(value)})
    return value if isinstance(value, slice) else value.to(where)
