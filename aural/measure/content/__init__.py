"""The content map: speech, music, both or neither, second by second, from a small network."""
