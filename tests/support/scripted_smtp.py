"""A mail server on loopback that gives a scripted reply to each command, right or wrong; aiosmtpd only does right."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

_ACCEPTING = {"GREETING": b"220 x ESMTP", "EHLO": b"250-x\r\n250 8BITMIME", "DATA": b"354 go", "QUIT": b"221 bye"}


@dataclass
class ScriptedSmtp:
    """The replies by command (`.`: to the data; `AUTH x`: to this line), and the lines and messages received."""

    replies: Mapping[str, bytes] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    accepted: list[bytes] = field(default_factory=list)

    def reply(self, line: str) -> bytes:
        command = line.split(" ", maxsplit=1)[0].upper()
        replies = {**_ACCEPTING, **self.replies}
        return next((replies[key] for key in (line, command) if key in replies), b"250 ok")

    def converse(self, lines: BinaryIO, sock: socket.socket) -> None:
        sock.sendall(self.reply("GREETING") + b"\r\n")
        while raw := lines.readline():
            line = raw.decode("latin-1").rstrip("\r\n")
            self.lines.append(line)
            reply = self.reply(line)
            sock.sendall(reply + b"\r\n")
            if line.upper() == "DATA" and reply.startswith(b"354"):
                data = b"".join(iter(lines.readline, b".\r\n"))
                answer = self.reply(".")
                if answer.startswith(b"2"):
                    self.accepted.append(data)
                sock.sendall(answer + b"\r\n")
            if line.upper() == "QUIT":
                return


@contextmanager
def serve_script(script: ScriptedSmtp) -> Iterator[int]:
    """Serve the script to any number of clients, one after the other, and yield the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return  # the listener was shut
            with sock, sock.makefile("rb") as lines:
                try:
                    script.converse(lines, sock)
                except OSError:
                    continue  # the client went away

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=30)
        listener.close()
