"""What goes wrong between a model server and its sidecar."""

from __future__ import annotations

import json
from typing import Any

from .http11 import HttpAnswer


class FeatureError(RuntimeError):
    """A request that the sidecar refused, in its own words."""

    def __init__(self, status: int, code: str, message: str, field: str | None, help: str | None) -> None:
        super().__init__(f"{message} ({code})" if help is None else f"{message} ({code}). {help}")
        self.status = status
        """The HTTP status."""
        self.code = code
        """Such as SRV_UNKNOWN_SERVICE: docs/errors.md has all."""
        self.field = field
        """What of the request is meant; None: no field of its own."""
        self.help = help


class Overloaded(FeatureError):
    """More is asked of the sidecar than it can answer in time. Nothing was served: asking again is safe."""


class NoSidecar(ConnectionError):
    """Nothing answers at the address."""


class DeadlineExceeded(TimeoutError):
    """No answer came in the time of the call."""


def refusal(answer: HttpAnswer) -> FeatureError:
    """The error that an answer tells, on any surface."""
    try:
        body: Any = json.loads(answer.body)
        error = body["error"]
        told = error if isinstance(error, dict) else {"message": error, **body.get("parameters", {})}
        code, message = str(told["code"]), str(told["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        told, code, message = {}, "HTTP", f"the sidecar answered {answer.status}: {answer.body[:200]!r}"
    kind = Overloaded if answer.status == 503 else FeatureError
    return kind(answer.status, code, message, told.get("field"), told.get("help"))
