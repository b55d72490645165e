"""The room that a voice was recorded in."""
