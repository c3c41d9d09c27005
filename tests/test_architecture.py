"""The picture in CONTRIBUTING.md, held against the code: imports point down, nothing below touches the world."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "watcher"

# Each layer may import the ones below it; inside a layer, modules may import each other where no cycle arises.
# A name stands for a module or, with everything in it, for a folder.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__", "cli", "daemon"),
    ("demo", "pulse", "metrics"),
    ("service",),
    (
        *("pipeline", "intake", "filing", "backfill", "holding", "opinion", "outbox", "rebuilding", "rechecking"),
        *("collection", "discovery"),
        *("endpoints", "oversight", "gathering", "telling", "backup", "doctor"),
    ),
    (
        *("config", "outline", "settings", "kinds", "disk", "fetch", "fetched", "answers", "wire", "pace", "paging"),
        *("archive", "frames", "store", "notifiers", "logs", "supervisor", "endpoint"),
        *("mirror", "tree", "signals", "turns", "units", "work", "memory"),
    ),
    ("contents", "items", "judge", "crosscheck", "health", "notices", "plausibility"),
    ("diff", "pairing", "fingerprints", "order", "schedule", "subscriptions", "render"),
    ("registries",),
    ("formats",),
    ("garbage", "model", "errors", "times", "written"),
)
PURE_FROM = 5  # from this layer down: no I/O, no clock, no chance

# What reaches the world, the clock or chance; `re`, `json`, `hashlib` and the like do not.
WORLDLY_MODULES = frozenset(
    {
        "asyncio",
        "ctypes",
        "http",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "requests",
        "secrets",
        "shutil",
    }
    | {"signal", "smtplib", "socket", "sqlite3", "sqlite_utils", "ssl", "structlog", "subprocess", "tempfile"}
    | {"threading", "time", "urllib", "urllib3"}
)
WORLDLY_CALLS = frozenset({"open", "print", "input", "today", "now", "utcnow"})


def _modules(root: Path = ROOT) -> Mapping[str, ast.Module]:
    found = {}
    for path in sorted(root.rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text("utf-8"), str(path))
    return found


MODULES = _modules()


def _layer(module: str) -> int | None:
    top = module.split(".", 1)[0]
    return next((number for number, names in enumerate(LAYERS) if top in names), None)


def _imports(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Every module that is imported, written in full, also under TYPE_CHECKING and inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are written in full"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if inner.removeprefix("watcher.") in MODULES else str(node.module)), node


def _ours(tree: ast.Module) -> Iterator[str]:
    yield from (name.removeprefix("watcher.") for name, _ in _imports(tree) if name.startswith("watcher."))


def upward(module: str, tree: ast.Module) -> list[str]:
    """Imports that point up."""
    mine = _layer(module)
    return [f"{module} → {name}" for name in _ours(tree) if mine is not None and (_layer(name) or 0) < mine]


def worldly(module: str, tree: ast.Module) -> list[str]:
    """What a module does that reaches beyond its arguments."""
    found = [f"{module} imports {name}" for name, _ in _imports(tree) if name.split(".")[0] in WORLDLY_MODULES]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in WORLDLY_CALLS:
                found.append(f"{module} calls {called}()")
    return found


def test_every_module_has_a_place() -> None:
    assert len(MODULES) > 40
    assert [name for name in MODULES if name != "" and name != "__init__" and _layer(name) is None] == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    assert upward(module, MODULES[module]) == []


@pytest.mark.parametrize("module", sorted(name for name in MODULES if (_layer(name) or 0) >= PURE_FROM))
def test_below_the_line_nothing_touches_the_world(module: str) -> None:
    # A rendering's template is part of the package: jinja2 reads it when the module is imported.
    assert worldly(module, MODULES[module]) == []


def test_no_cycles() -> None:
    after: dict[str, set[str]] = {
        name: {each for each in _ours(tree) if each in MODULES} for name, tree in MODULES.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join((*path, name))
        if name not in done:
            for each in sorted(after[name]):
                visit(each, (*path, name))
            done.add(name)

    for name in sorted(after):
        visit(name, ())
    assert len(done) == len(MODULES)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_no_import_stands_inside_a_function(module: str) -> None:
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = [inner.lineno for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)]
            assert inside == [], f"{module}: line {inside}"


def test_the_picture_in_contributing_names_every_top_level_module() -> None:
    text = (ROOT.parent / "CONTRIBUTING.md").read_text("utf-8")
    picture = text.split("```")[3]
    assert [name for names in LAYERS for name in names if name not in picture] == []


def test_the_checks_see_what_they_look_for() -> None:
    tree = ast.parse("import os\nfrom watcher.pipeline import check\nfrom datetime import datetime\ndatetime.now()\n")
    assert upward("diff", tree) == ["diff → pipeline"]
    assert worldly("diff", tree) == ["diff imports os", "diff calls now()"]
