"""Many runs of AURAL over what it was not made for: each in a process of its own, from a number that repeats it.

`python -m fuzz --minutes 60` (with tests/support on the path; `make fuzz`) prints what was found, and keeps the input
of each finding. A family makes the inputs of one kind: recordings, options, text files, calls, faults of the machine.
"""
