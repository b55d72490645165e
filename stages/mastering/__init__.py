"""Mastering: loudness and true peak of the finished recording."""
