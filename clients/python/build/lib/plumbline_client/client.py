"""Online features from the sidecar beside this process.

    from plumbline_client import Client

    client = Client()                                   # http://127.0.0.1:6566; or Client("unix:/run/features.sock")
    answer = client.get_online_features("churn_v1", [{"customer_id": 17850}], deadline=0.01)
    answer.to_dict(), answer.status, answer.age, answer.request_id
    client.get_online_features("churn_v1", {"customer_id": [17850, 13047]}, as_tensors=True).to_numpy()

A client may be used by many threads: each call has a connection to itself, which is kept for the next.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from .errors import DeadlineExceeded, NoSidecar
from .http11 import Address, AnswerReader, HttpAnswer
from .online import OnlineFeatures, OnlineRequest, Rows, Schema
from .session import GRACE_S, IDLE_S, RETRY_PAUSE_S, Known, closed_early, headers_of, nothing_answers, tell_deprecated


class Client:
    """Asks a sidecar for features."""

    def __init__(self, url: str = "http://127.0.0.1:6566", *, deadline: float | None = None) -> None:
        """deadline  of a call in seconds, unless it gives one; None: the sidecar's own (8 ms unless set otherwise)"""
        self._address = Address.of(url)
        self._deadline = deadline
        self._idle: deque[tuple[socket.socket, float]] = deque()
        self._known = Known()

    def get_online_features(
        self,
        features: str,
        entity_rows: Rows,
        *,
        context: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        request_id: str | None = None,
        as_tensors: bool = False,
    ) -> OnlineFeatures:
        """The vectors of a feature service.

        features     the service's name
        entity_rows  a mapping a row ({"customer_id": 17850}), or a list a join key ({"customer_id": [17850, 13047]});
                     None: the key is not known, and what hangs on it is MISSING
        context      inputs of on-demand views: a value for all rows, or a list with one a row
        deadline     seconds. What the sidecar has not by then it answers as UNAVAILABLE; DeadlineExceeded is raised
                     only where no answer comes at all
        request_id   under which it is logged; one is made where it is left out
        as_tensors   brings the numbers as bytes, which `to_numpy` takes as they are

        Raises FeatureError for a request that is refused (Overloaded: ask again later), NoSidecar where none answers.
        """
        request = OnlineRequest.of(features, entity_rows, context, as_tensors)
        known = self._known.of(features)
        if known is None and as_tensors:
            known = self.schema(features)
        limit = self._deadline if deadline is None else deadline
        answer = self._call("POST", request.path, headers_of(limit, request_id), request.body(known), limit)
        answered = request.answered(answer)
        if known is None or known.bundle != answered.bundle:
            known = self.schema(features)
        return tell_deprecated(answered.features(known))

    def schema(self, service: str) -> Schema:
        """Join keys, inputs and features of a service with their types, as the sidecar has them now."""
        return self._known.keep(service, Schema.read(self._call("GET", Schema.path(service), {}, b"", None)))

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[0].close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, deadline: float | None
    ) -> HttpAnswer:
        """Asks once more where the connection was closed before an answer began, or was refused."""
        bytes_ = self._address.request(method, path, headers, body)
        end = None if deadline is None else time.monotonic() + deadline + GRACE_S
        for is_last in (False, True):
            try:
                return self._exchange(bytes_, end)
            except TimeoutError:
                raise DeadlineExceeded(f"{self._address} did not answer within {deadline} s") from None
            except (ConnectionRefusedError, FileNotFoundError) as error:
                if is_last:
                    raise nothing_answers(self._address, error) from error
                time.sleep(RETRY_PAUSE_S)
            except NoSidecar:
                raise
            except (ConnectionError, EOFError) as error:
                if is_last:
                    raise closed_early(self._address) from error
            except OSError as error:
                raise nothing_answers(self._address, error) from error
        raise AssertionError

    def _exchange(self, request: bytes, end: float | None) -> HttpAnswer:
        connection = self._idle_connection() or self._connect(end)
        reader = AnswerReader()
        try:
            _limit(connection, end)
            connection.sendall(request)
            while True:
                _limit(connection, end)
                part = connection.recv(65_536)
                if not part:
                    # Half an answer was served and logged: asking again would be a second request.
                    raise NoSidecar(f"{self._address} ended in mid-answer") if reader.has_begun else EOFError
                if (answer := reader.feed(part)) is not None:
                    break
        except BaseException:
            connection.close()
            raise
        if answer.is_last:
            connection.close()
        else:
            self._idle.append((connection, time.monotonic()))
        return answer

    def _idle_connection(self) -> socket.socket | None:
        """The one that was used last; those that the sidecar may have ended are closed."""
        while True:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                return None
            if time.monotonic() - since < IDLE_S:
                return connection
            connection.close()

    def _connect(self, end: float | None) -> socket.socket:
        if self._address.socket is not None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            _limit(connection, end)
            try:
                connection.connect(self._address.socket)
            except BaseException:
                connection.close()
                raise
            return connection
        limit = None if end is None else max(end - time.monotonic(), 0.001)
        connection = socket.create_connection((self._address.host, self._address.port), limit)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _limit(connection: socket.socket, end: float | None) -> None:
    if end is None:
        connection.settimeout(None)
        return
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)
