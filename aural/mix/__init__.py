"""Several recordings into one."""
