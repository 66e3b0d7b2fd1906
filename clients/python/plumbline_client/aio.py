"""The client for asyncio: as `Client`, with `await`.

from plumbline_client import AsyncClient

async with AsyncClient() as client:
    answer = await client.get_online_features("churn_v1", [{"customer_id": 17850}], deadline=0.01)
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from .errors import DeadlineExceeded, NoSidecar
from .http11 import Address, AnswerReader, HttpAnswer
from .online import OnlineFeatures, OnlineRequest, Rows, Schema
from .session import GRACE_S, IDLE_S, RETRY_PAUSE_S, Known, closed_early, headers_of, nothing_answers, tell_deprecated

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class AsyncClient:
    """Asks a sidecar for features; of one event loop."""

    def __init__(self, url: str = "http://127.0.0.1:6566", *, deadline: float | None = None) -> None:
        """As of `Client`."""
        self._address = Address.of(url)
        self._deadline = deadline
        self._idle: deque[tuple[_Connection, float]] = deque()
        self._known = Known()

    async def get_online_features(
        self,
        features: str,
        entity_rows: Rows,
        *,
        context: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        request_id: str | None = None,
        as_tensors: bool = False,
    ) -> OnlineFeatures:
        """As of `Client`."""
        request = OnlineRequest.of(features, entity_rows, context, as_tensors)
        known = self._known.of(features)
        if known is None and as_tensors:
            known = await self.schema(features)
        limit = self._deadline if deadline is None else deadline
        answer = await self._call("POST", request.path, headers_of(limit, request_id), request.body(known), limit)
        answered = request.answered(answer)
        if known is None or known.bundle != answered.bundle:
            known = await self.schema(features)
        return tell_deprecated(answered.features(known))

    async def schema(self, service: str) -> Schema:
        """As of `Client`."""
        return self._known.keep(service, Schema.read(await self._call("GET", Schema.path(service), {}, b"", None)))

    async def close(self) -> None:
        while self._idle:
            (_, writer), _ = self._idle.pop()
            writer.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _call(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, deadline: float | None
    ) -> HttpAnswer:
        bytes_ = self._address.request(method, path, headers, body)
        limit = None if deadline is None else deadline + GRACE_S
        try:
            return await asyncio.wait_for(self._twice(bytes_), limit)
        except asyncio.TimeoutError:
            raise DeadlineExceeded(f"{self._address} did not answer within {deadline} s") from None

    async def _twice(self, request: bytes) -> HttpAnswer:
        """Asks once more where the connection was closed before an answer began, or was refused."""
        for is_last in (False, True):
            try:
                return await self._exchange(request)
            except (ConnectionRefusedError, FileNotFoundError) as error:
                if is_last:
                    raise nothing_answers(self._address, error) from error
                await asyncio.sleep(RETRY_PAUSE_S)
            except NoSidecar:
                raise
            except (ConnectionError, EOFError) as error:
                if is_last:
                    raise closed_early(self._address) from error
            except OSError as error:
                raise nothing_answers(self._address, error) from error
        raise AssertionError

    async def _exchange(self, request: bytes) -> HttpAnswer:
        stream, writer = self._idle_connection() or await self._connect()
        reader = AnswerReader()
        try:
            writer.write(request)
            await writer.drain()
            while True:
                part = await stream.read(65_536)
                if not part:
                    raise NoSidecar(f"{self._address} ended in mid-answer") if reader.has_begun else EOFError
                if (answer := reader.feed(part)) is not None:
                    break
        except BaseException:
            # An answer that comes later must not be taken for that of another request.
            writer.close()
            raise
        if answer.is_last:
            writer.close()
        else:
            self._idle.append(((stream, writer), time.monotonic()))
        return answer

    def _idle_connection(self) -> _Connection | None:
        while self._idle:
            connection, since = self._idle.pop()
            if time.monotonic() - since < IDLE_S and not connection[0].at_eof():
                return connection
            connection[1].close()
        return None

    async def _connect(self) -> _Connection:
        if self._address.socket is not None:
            return await asyncio.open_unix_connection(self._address.socket)
        return await asyncio.open_connection(self._address.host, self._address.port)
