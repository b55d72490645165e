"""Dynamic compression: less distance between soft and loud."""
