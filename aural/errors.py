"""Every error AURAL raises on purpose.

AuralError
+- ParameterError (ValueError)   a parameter is unknown, of the wrong kind or out of range
+- AudioError (ValueError)       a recording cannot be read, written or used
   +- TargetExists               there is a file already that may not be replaced
+- ChainError (ValueError)       a chain file or a chain does not make sense
+- NotReady (RuntimeError)       a stage needs a first pass over the whole signal
+- WeightsError (OSError)        a model is missing, damaged or cannot be downloaded here
   +- Untrusted                  a model could run a program, and nobody said that its maker is trusted

Each says in one sentence what is wrong, where, and the cure if there is one. What the sentence is made of stands in
fields, so that no program has to take it apart.
"""

from __future__ import annotations

from pathlib import Path


class AuralError(Exception):
    """Base of every error AURAL raises on purpose.

    Attributes:
        what: the sentence without the path and the stage, which stand in front of it.
        path: the file or folder that is refused.
        stage: name of the stage that refuses something; or what else has parameters, such as `training`.
        parameter: name of the parameter that is refused.
        allowed: which values it takes, in words.
    """

    def __init__(
        self,
        what: str,
        *,
        path: str | Path | None = None,
        stage: str | None = None,
        parameter: str | None = None,
        allowed: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what, self.path, self.stage, self.parameter, self.allowed = what, path, stage, parameter, allowed

    def __str__(self) -> str:
        return "".join(f"{where}: " for where in (self.path, self.stage) if where is not None) + self.what


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


class Untrusted(WeightsError):
    """A model could run a program when it is opened, and nobody said that its maker is trusted."""
