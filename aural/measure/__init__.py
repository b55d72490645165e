"""Meters, which take a signal block by block, and the diagnosis made from them."""
