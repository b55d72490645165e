"""The networks of demucs."""
