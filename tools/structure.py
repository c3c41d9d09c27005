#!/usr/bin/env python3
"""Print the figures of the package's structure, to compare two states: `structure.py [FOLDER]` (default: watcher/).

A room is a folder, or a module that lies beside the folders. A floor of a room is one more than the highest floor of
the rooms it imports.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

SMALL, LARGE = 40, 400  # lines of a module


def parse(folder: Path) -> Mapping[str, ast.Module]:
    """Return the modules of a package by their names inside it."""
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_text())
        for path in sorted(folder.rglob("*.py"))
    }


def imported(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield the modules of the package that a module imports or names for a later import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package:
            yield from (f"{node.module}.{alias.name}".partition(".")[2] for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[2] for alias in node.names if alias.name.startswith(f"{package}."))


def arrows(modules: Mapping[str, ast.Module], package: str) -> dict[str, set[str]]:
    """Return which rooms each room imports."""
    rooms = {name.partition(".")[0] for name in modules if name not in ("", "__init__")}
    imports: dict[str, set[str]] = {room: set() for room in rooms}
    for name, tree in modules.items():
        room = name.partition(".")[0]
        if room in rooms:
            targets = {target.partition(".")[0] for target in imported(tree, package)}
            imports[room] |= (targets & rooms) - {room}
    return imports


def floors(rooms: Mapping[str, set[str]]) -> int:
    """Return the number of floors; rooms that import each other count once."""

    def height(room: str, below: frozenset[str]) -> int:
        return 1 + max((height(lower, below | {room}) for lower in rooms[room] - below - {room}), default=0)

    return max(height(room, frozenset()) for room in rooms)


def parameters(modules: Mapping[str, ast.Module]) -> tuple[int, int]:
    """Return how many parameters are callables by their annotation, and how many have a lambda as default."""
    statements = (node for tree in modules.values() for node in tree.body if isinstance(node, ast.Assign))
    aliases = {ast.unparse(node.targets[0]) for node in statements if ast.unparse(node.value).startswith("Callable[")}
    pattern = re.compile(rf"\b(?:{'|'.join(['Callable', *sorted(aliases)])})\b")
    callables = lambdas = 0
    for tree in modules.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                callables += sum(
                    bool(argument.annotation and pattern.search(ast.unparse(argument.annotation)))
                    for argument in arguments
                )
                defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
                lambdas += sum(isinstance(default, ast.Lambda) for default in defaults)
    return callables, lambdas


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0] if arguments else Path(__file__).resolve().parents[1] / "watcher")
    modules = parse(folder)
    rooms = arrows(modules, folder.name)
    lines = [len(path.read_text().splitlines()) for path in folder.rglob("*.py")]
    callables, lambdas = parameters(modules)
    entries = [path for path in folder.iterdir() if path.suffix == ".py" or (path.is_dir() and list(path.glob("*.py")))]
    for name, figure in (
        ("top-level entries (modules and folders)", len(entries)),
        ("floors", floors(rooms)),
        ("import arrows between rooms", sum(map(len, rooms.values()))),
        ("parameters that are callables", callables),
        ("defaults that are lambdas", lambdas),
        (f"modules under {SMALL} lines", sum(count < SMALL for count in lines)),
        (f"modules over {LARGE} lines", sum(count > LARGE for count in lines)),
        ("modules", len(lines)),
        ("lines", sum(lines)),
    ):
        print(f"{figure:>7}  {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
