"""The cache folder: decoded training data and compiled loops, which AURAL makes again if they are missing."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder: AURAL_CACHE, or aural in the user's folder for caches, as the system names it."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("AURAL_CACHE") or user_cache_path("aural", appauthor=False))
