"""What a recording is like: meters that take blocks as they come, and the diagnosis made of them."""
