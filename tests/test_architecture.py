"""The picture in CONTRIBUTING.md, held against the code: imports point down, the pure folders touch nothing outside."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from watcher.core.lazy import LAZY

ROOT = Path(__file__).resolve().parents[1] / "watcher"

# Top row first. A folder may import the folders of its own row and of the rows below it; modules may not form a cycle.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__", "cli", "web", "site", "daemon"),
    ("reports",),
    ("monitor",),
    ("diff", "registries", "alerts"),
    ("formats", "inventory", "render", "store", "fetch", "config"),
    ("core",),
)

# No I/O, no clock and no chance: whole folders, and the modules of others that decide.
PURE_FOLDERS = ("core", "formats", "inventory", "render", "registries", "diff")
PURE_MODULES = frozenset(f"monitor.{name}" for name in ("ordering", "plausibility", "crosscheck", "schedule", "health"))
IMPURE_MODULES = frozenset(
    {"core.clock", "core.durable_files", "core.extras", "core.lazy", "core.operator_files", "core.runtime"}
)

# What reaches the world, the clock or chance; `re`, `json`, `hashlib` and the like do not.
WORLDLY_MODULES = frozenset(
    {
        *(
            "asyncio",
            "ctypes",
            "http",
            "importlib",
            "logging",
            "multiprocessing",
            "os",
            "pathlib",
            "random",
            "requests",
        ),
        *("secrets", "shutil", "signal", "smtplib", "socket", "sqlite3", "sqlite_utils", "ssl", "structlog"),
        *("subprocess", "tempfile", "threading", "time", "urllib", "urllib3"),
    }
)
WORLDLY_CALLS = frozenset({"open", "print", "input", "today", "now", "utcnow"})


def _module_paths(root: Path = ROOT) -> Mapping[str, Path]:
    names = {path: ".".join(path.relative_to(root).with_suffix("").parts) for path in sorted(root.rglob("*.py"))}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


MODULES = _module_paths()


@pytest.fixture(scope="module")
def trees() -> Mapping[str, ast.Module]:
    """Return the syntax tree of every module. They take a second: no process parses them that only collects tests."""
    return {name: ast.parse(path.read_text("utf-8"), str(path)) for name, path in MODULES.items()}


def _layer(module: str) -> int | None:
    folder = module.split(".", 1)[0]
    return next((number for number, row in enumerate(LAYERS) if folder in row), None)


def _imports(tree: ast.Module) -> Iterator[str]:
    """Yield the full name of every imported module, also under TYPE_CHECKING, from a catalog or on demand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are written in full"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner.removeprefix("watcher.") in MODULES else str(node.module)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "load":
            yield from (
                LAZY[argument.value]
                for argument in node.args
                if isinstance(argument, ast.Constant) and argument.value in LAZY
            )


def _catalog(module: str, tree: ast.Module) -> Iterator[str]:
    """Yield the modules that a catalog lists by their full name, for `import_listed`."""
    if module == "core.lazy":
        return
    texts = (str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant))
    yield from (text for text in texts if text.startswith("watcher.") and text.removeprefix("watcher.") in MODULES)


def _own_imports(module: str, tree: ast.Module) -> Iterator[str]:
    for name in (*_imports(tree), *_catalog(module, tree)):
        if name.startswith("watcher."):
            yield name.removeprefix("watcher.")


def upward_imports(module: str, tree: ast.Module) -> list[str]:
    """Return the imports that point up."""
    layer = _layer(module)
    assert layer is not None or module == "__init__", f"{module} has no place in LAYERS"
    return [
        f"{module} → {name}" for name in _own_imports(module, tree) if layer is not None and (_layer(name) or 0) < layer
    ]


def worldly_actions(module: str, tree: ast.Module) -> list[str]:
    """Return what a module does that reaches beyond its arguments."""
    actions = [f"{module} imports {name}" for name in _imports(tree) if name.split(".")[0] in WORLDLY_MODULES]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in WORLDLY_CALLS:
                actions.append(f"{module} calls {called}()")
    return actions


def clock_reads(module: str, tree: ast.Module) -> list[str]:
    """Return where a module reads the machine's clock or random numbers itself."""
    return [
        f"{module}:{node.lineno} calls {ast.unparse(node.func)}()"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and re.fullmatch(
            r"datetime\.(now|utcnow|today)|date\.today|time\.(time|monotonic|perf_counter)|random\.\w+",
            ast.unparse(node.func),
        )
    ]


def hidden_imports(module: str, tree: ast.Module) -> list[str]:
    """Return imports that this test could not see: inside a function, or by `import_module` outside core/lazy.py."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = (statement for statement in ast.walk(node) if isinstance(statement, ast.Import | ast.ImportFrom))
            lines += [f"{module}:{statement.lineno} imports inside {node.name}" for statement in inner]
        if isinstance(node, ast.Name | ast.Attribute) and module != "core.lazy":
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in ("import_module", "__import__"):
                lines.append(f"{module}:{node.lineno} uses {name}")
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "load" and module != "core.lazy":
            argument = node.args[0] if node.args else None
            if any(name == "watcher.core.lazy" for name in _imports(tree)) and not (
                isinstance(argument, ast.Constant) and argument.value in LAZY
            ):
                lines.append(f"{module}:{node.lineno} loads a module that LAZY does not list")
    return lines


def cycles(trees: Mapping[str, ast.Module]) -> list[str]:
    """Return a path of imports that leads back to its start, if there is one."""
    arrows = {
        name: sorted({target for target in _own_imports(name, tree) if target in trees}) for name, tree in trees.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> list[str]:
        if name in path:
            return [*path, name]
        if name not in done:
            for target in arrows[name]:
                if found := visit(target, (*path, name)):
                    return found
            done.add(name)
        return []

    for name in sorted(arrows):
        if found := visit(name, ()):
            return found
    return []


def public_classes(trees: Mapping[str, ast.Module]) -> Iterator[str]:
    """Yield the name of every class at the top of a module that does not begin with an underscore."""
    for tree in trees.values():
        yield from (node.name for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))


def picture(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the rows of the picture in CONTRIBUTING.md from the top: the folders named before their description."""
    rows: list[tuple[str, ...]] = [()]
    for line in text.split("```")[3].splitlines()[2:]:
        if "───" in line:
            rows.append(())
        else:
            rows[-1] += tuple(name.strip(" /") for name in re.findall(r"^ +__main__|[a-z]+/", line))
    return tuple(rows)


def test_every_module_lies_in_a_folder_of_the_picture() -> None:
    assert len(MODULES) > 100
    assert [name for name in MODULES if name not in ("", "__init__") and _layer(name) is None] == []
    assert sorted(path.name for path in ROOT.glob("*.py")) == ["__init__.py", "__main__.py"]


def test_imports_point_down(trees: Mapping[str, ast.Module]) -> None:
    assert [line for name, tree in trees.items() for line in upward_imports(name, tree)] == []


def test_pure_modules_touch_nothing_outside(trees: Mapping[str, ast.Module]) -> None:
    # A rendering's template is part of the package: jinja2 reads it when the module is imported.
    pure = {name for name in MODULES if name.split(".")[0] in PURE_FOLDERS} | PURE_MODULES
    assert len(pure - IMPURE_MODULES) > 100
    assert [line for name in sorted(pure - IMPURE_MODULES) for line in worldly_actions(name, trees[name])] == []


def test_below_the_commands_only_the_clock_reads_the_clock(trees: Mapping[str, ast.Module]) -> None:
    others = {name: tree for name, tree in trees.items() if name != "core.clock" and not name.startswith("cli.")}
    assert [place for name, tree in others.items() for place in clock_reads(name, tree)] == []


def test_the_named_modules_exist() -> None:
    assert [name for name in (*PURE_MODULES, *IMPURE_MODULES) if name not in MODULES] == []
    assert [name for name in LAZY.values() if name.startswith("watcher.") and name[8:] not in MODULES] == []


def test_there_are_no_import_cycles(trees: Mapping[str, ast.Module]) -> None:
    assert cycles(trees) == []


def test_no_import_is_hidden(trees: Mapping[str, ast.Module]) -> None:
    assert [line for name, tree in trees.items() for line in hidden_imports(name, tree)] == []


def test_the_picture_in_contributing_shows_these_rows() -> None:
    assert picture((ROOT.parent / "CONTRIBUTING.md").read_text("utf-8")) == LAYERS


def test_no_two_public_classes_share_a_name(trees: Mapping[str, ast.Module]) -> None:
    assert [name for name, number in Counter(public_classes(trees)).items() if number > 1] == []


def test_the_checks_see_what_they_look_for() -> None:
    tree = ast.parse(
        "import os\nfrom watcher.monitor.check import check\nfrom datetime import datetime\ndatetime.now()\n"
    )
    assert upward_imports("diff.compare", tree) == ["diff.compare → monitor.check"]
    assert worldly_actions("diff.compare", tree) == ["diff.compare imports os", "diff.compare calls now()"]
    assert clock_reads("diff.compare", tree) == ["diff.compare:4 calls datetime.now()"]
    lazy = ast.parse("from watcher.core.lazy import load\nload('http')\nload('nothing')\nload(name)\n")
    assert upward_imports("core.model", lazy) == ["core.model → fetch.http"]
    assert [line.split()[0] for line in hidden_imports("core.model", lazy)] == ["core.model:3", "core.model:4"]
    listed = ast.parse("TABLE = {'x': 'watcher.cli.diff'}\n")
    assert upward_imports("registries.catalog", listed) == ["registries.catalog → cli.diff"]
    assert hidden_imports("x", ast.parse("def f():\n    import os\n")) == ["x:2 imports inside f"]
    assert hidden_imports("x", ast.parse("importlib.import_module('os')\n")) == ["x:1 uses import_module"]
    assert list(public_classes({"a": ast.parse("class A: ...\nclass _B: ...\n")})) == ["A"]
    looped = {"a": ast.parse("import watcher.b"), "b": ast.parse("import watcher.a")}
    assert cycles(looped) == ["a", "b", "a"]
    with pytest.raises(AssertionError, match="no place"):
        upward_imports("loose", ast.parse(""))
