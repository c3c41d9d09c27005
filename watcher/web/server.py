"""The HTTP server: uvicorn in a thread, with limits on what one connection can cost.

A connection without a complete response for some seconds is cut off; there are only so many connections at a time.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from watcher.core import runtime
from watcher.core.errors import ConfigError

_CONNECTIONS = 64  # at a time
_DEADLINE = 10.0  # seconds for one response, with the wait for its request
_IDLE = 5  # seconds between two requests of a connection
_LONGEST_HEAD = 16_384  # bytes of a request's first line and headers


class ServedApp(Protocol):
    """An ASGI application; `close` ends its streams."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    def close(self) -> None: ...


class _StrictProtocol(H11Protocol):
    """HTTP/1.1 in which a request that turns out to be none has one answer, although the application has begun one."""

    def send_400_response(self, msg: str) -> None:
        """Refuse a request whose body is not HTTP. What the application answers to it meanwhile is dropped."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()


def _protocol(deadline: float) -> type[H11Protocol]:
    class ImpatientProtocol(_StrictProtocol):
        """HTTP/1.1 that cuts off a connection without a complete response, or part of a stream, in time."""

        _timer: asyncio.TimerHandle | None = None

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            app = self.app

            async def answer(scope: Any, receive: Any, send: Any) -> None:
                async def send_part(message: Any) -> None:
                    await send(message)
                    if message.get("more_body"):
                        self._restart()

                await app(scope, receive, send_part)

            self.app = answer

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._restart()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._timer is not None:
                self._timer.cancel()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            self._restart()
            super().on_response_complete()

        def _restart(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.loop.call_later(deadline, self.transport.abort)

    return ImpatientProtocol


@contextmanager
def serve(listen: str, app: ServedApp, *, deadline: float = _DEADLINE, setting: str = "web.listen") -> Iterator[int]:
    """Serve an ASGI application at ADDRESS:PORT during the block; give the port. Raises ConfigError."""
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host.strip("[]"), int(port)), family=family, backlog=_CONNECTIONS)
    except OSError as error:
        raise ConfigError(f"{setting}: cannot listen on {listen}: {error.strerror}") from None
    config = uvicorn.Config(
        app,
        http=_protocol(deadline),
        ws="none",
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=_LONGEST_HEAD,
    )
    server = uvicorn.Server(config)
    runtime.shorten_pauses()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    with listener:
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            app.close()
            server.should_exit = True
            thread.join()
