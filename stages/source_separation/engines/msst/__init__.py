"""Checkpoints of others, through the package msst."""
