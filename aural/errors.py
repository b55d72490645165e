"""Every error AURAL raises on purpose.

AuralError
+- ParameterError (ValueError)   a parameter is unknown, of the wrong kind or out of range
+- AudioError (ValueError)       a recording cannot be read, written or used
   +- TargetExists               there is a file already that may not be replaced
+- ChainError (ValueError)       a chain file or a chain does not make sense
+- NotReady (RuntimeError)       a stage needs a first pass over the whole signal
+- WeightsError (OSError)        a model is missing, damaged or cannot be downloaded here

Each carries one sentence that says what is wrong, where, and the cure if there is one.
"""


class AuralError(Exception):
    """Base of every error AURAL raises on purpose."""


class ParameterError(AuralError, ValueError):
    """A parameter is unknown, of the wrong kind or out of range."""


class AudioError(AuralError, ValueError):
    """A recording cannot be read, written or used."""


class TargetExists(AudioError):
    """There is a file already that may not be replaced."""


class ChainError(AuralError, ValueError):
    """A chain file or a chain does not make sense."""


class NotReady(AuralError, RuntimeError):
    """A stage needs a first pass over the whole signal before it can be opened."""


class WeightsError(AuralError, OSError):
    """A model is missing, damaged or cannot be downloaded here."""
