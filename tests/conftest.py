"""Each process computes in one thread: two that fight for the cores are many times as slow as one.

Networks run on the CPU, whose results are the reference.
"""

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator

import pytest

from aural import devices

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is loaded; what the tests start inherits it
devices.device("cpu")

for name in (
    "SIGINT",
    "SIGHUP",
):  # whoever runs the tests in the background has them ignored, and so have all children
    if hasattr(signal, name) and signal.getsignal(number := getattr(signal, name)) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Fail a test that leaves torch with another number of threads: those after it would be several times as slow."""
    yield
    if "torch" in sys.modules:
        import torch

        left = torch.get_num_threads()
        torch.set_num_threads(1)
        assert left == 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while tests are imported, and later not among what was imported: it stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: at the end it would run alone."""
    longest = ("test_training_and_evaluating", "test_nothing_bad_comes_of_bad_input")
    items.sort(key=lambda item: item.name not in longest)
