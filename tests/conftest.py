"""Each process computes in one thread: two that fight for the cores are many times as slow as one."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded; what the tests start inherits it
