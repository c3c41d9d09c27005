"""Hosts that publish many small tables and receive webhooks: one process, a port of 127.0.0.1 for each host.

`python -m tests.support.table_servers PORTS LOG` prints its ports. The table of a source in a round is a function of
both, so what a history must say at the end does not depend on when it was asked. Each host counts how many requests it
had at the same time.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.fork_server import end_process


def table(source: str, round_number: int) -> bytes:
    """Return the table of a source: in each round one row is added, one is changed, and sometimes one is removed."""
    number = int(source.removeprefix("s"))
    rows = [(key, f"{source} entry {key}") for key in range(1, 4)]
    for past in range(1, round_number + 1):
        if (number + past) % 3 == 2:
            continue  # nothing new for this source
        rows.append((100 + past, f"added in round {past}"))
        rows[past % 3] = (rows[past % 3][0], f"changed in round {past}")
        if (number + past) % 5 == 0:
            rows.pop()
            rows.append((200 + past, f"in place of another in round {past}"))
    return "".join(["id,name\n", *(f"{key},{name}\n" for key, name in sorted(rows))]).encode()


def tag(round_number: int) -> str:
    """Return the ETag of every table in a round."""
    return f'"{round_number}"'


class TableServers:
    """The process that serves; a context manager."""

    def __init__(self, hosts: int, folder: Path) -> None:
        self._log = folder / "webhooks.jsonl"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.table_servers", str(hosts), str(self._log)],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.ports: list[int] = json.loads(self._process.stdout.readline())

    def url(self, number: int) -> str:
        """Return the address of a source."""
        return f"http://127.0.0.1:{self.ports[number % len(self.ports)]}/s{number}"

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}/hook"

    def publish(self, round_number: int) -> None:
        self._ask(f"/control/round/{round_number}")

    def fail_hook(self, number: int) -> None:
        """Let the next webhooks fail."""
        self._ask(f"/control/fail/{number}")

    def delay(self, seconds: float) -> None:
        """Let the answers to all further requests for tables take so long."""
        self._ask(f"/control/delay/{seconds}")

    def most_at_a_time(self) -> int:
        """Return how many requests for tables one host had at the same time, at most."""
        return int(self._ask("/control/most"))

    def requests(self) -> int:
        return int(self._ask("/control/requests"))

    def delivered(self) -> Counter[str]:
        """Return how often each message arrived, by its id."""
        if not self._log.exists():
            return Counter()
        return Counter(json.loads(line)["id"] for line in self._log.read_text().splitlines())

    def bodies(self) -> dict[str, set[str]]:
        """Return the different bodies that arrived under each id."""
        bodies: dict[str, set[str]] = {}
        for line in self._log.read_text().splitlines():
            message = json.loads(line)
            bodies.setdefault(message["id"], set()).add(message["body"])
        return bodies

    def _ask(self, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=30)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end_process(self._process)


class _Server:
    def __init__(self, log: Path) -> None:
        self._log = log.open("a", buffering=1)
        self._delay = 0.0
        self._round = 0
        self._failing = 0
        self._asked: Counter[int] = Counter()
        self._most = self._requests = 0

    async def serve(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split()
                headers: dict[str, str] = {}
                while (header := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status, answer, more = await self._answer(port, method, path, headers, body)
                head = "".join(f"{name}: {value}\r\n" for name, value in more.items())
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(answer)}\r\n{head}\r\n".encode() + answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, port: int, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        if method == "POST":
            if self._failing:
                self._failing -= 1
                return 503, b"", {}
            self._log.write(json.dumps({"id": headers["webhook-id"], "body": body.decode()}) + "\n")
            return 204, b"", {}
        if path.startswith("/control/"):
            return 200, self._control(path.split("/")[2:]).encode(), {}
        self._asked[port] += 1
        self._requests += 1
        self._most = max(self._most, self._asked[port])
        if self._delay:
            await asyncio.sleep(self._delay)
        self._asked[port] -= 1
        current = tag(self._round)
        if headers.get("if-none-match") == current:
            return 304, b"", {"ETag": current}
        return 200, table(path[1:], self._round), {"ETag": current}

    def _control(self, words: list[str]) -> str:
        if words[0] == "round":
            self._round = int(words[1])
        if words[0] == "fail":
            self._failing = int(words[1])
        if words[0] == "delay":
            self._delay = float(words[1])
        return str({"most": self._most, "requests": self._requests}.get(words[0], 0))


async def _main(hosts: int, log: Path) -> None:
    server = _Server(log)
    ports = []
    for _ in range(hosts):
        number = len(ports)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int = number) -> None:
            await server.serve(number, reader, writer)

        listening = await asyncio.start_server(serve, "127.0.0.1", 0)
        ports.append(listening.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), Path(sys.argv[2])))
