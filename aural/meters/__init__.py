"""Measurements of a recording: each is fed blocks and asked for its result, in bounded memory."""
