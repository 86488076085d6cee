"""The base of all errors, and how an error lists what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_MAX_SHOWN = 100


class XrayError(Exception):
    """Base of all errors of this library.

    Attributes:
        hint: one sentence on what to do next.
        retryable: whether the same call may succeed when it is made again later.
    """

    default_hint: str = "Read the message above; if it does not explain itself, report it."
    retryable: bool = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = message
        self.hint = hint or self.default_hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}\n  What to do: {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders (executor=...), whatever arguments a leaf's __init__ takes.
        return (_restore, (type(self), self.__dict__.copy()))


def _restore(cls: type[XrayError], state: dict[str, object]) -> XrayError:
    # Python looks __new__ up by name and finds ValueError's before OSError's, which is needed.
    error = (OSError if issubclass(cls, OSError) else cls).__new__(cls)
    error.__dict__.update(state)
    error.args = (state["message"],)
    return error


class MissingExtraError(XrayError, ImportError):
    """An optional dependency is needed and not installed."""

    def __init__(self, extra: str, *, needed_for: str) -> None:
        self.extra = extra
        super().__init__(
            f"{needed_for} needs packages of the extra {extra!r}, which are not installed.",
            hint=f"pip install 'rekognition-xray[{extra}]'",
        )


def list_paths(lines: Iterable[object]) -> str:
    """Renders offending paths one to a line; a long list is cut and says by how many."""
    shown = [f"  - {line}" for line in lines]
    rest = len(shown) - _MAX_SHOWN
    return "\n".join(shown[:_MAX_SHOWN] + ([f"  … and {rest} more"] if rest > 0 else []))


def above(message: str, lines: Sequence[object], *, mark: str = ":") -> str:
    """A message above what it is about, where there is anything."""
    return f"{message}{mark}\n{list_paths(lines)}" if lines else message
