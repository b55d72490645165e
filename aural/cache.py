"""Where AURAL keeps what it can make again: decoded audio, compiled loops."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder: AURAL_CACHE, or aural in the user's folder for caches."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("AURAL_CACHE") or Path(home) / "aural")
