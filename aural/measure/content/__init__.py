"""What a recording holds: speech, music, both or neither, second by second, told by a small network."""
