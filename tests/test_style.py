"""How long functions are, how much they ask for, and what the package does without."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cyclegan_tf

PACKAGE = Path(cyclegan_tf.__file__).parent
MOST_LINES = 45  # from `def` to the end, without examples: what a screen shows
MOST_PARAMETERS = 7  # those with a name: `*args` and `**options` are passed on

FILES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(path.read_text()) for name, path in FILES.items()}


def nodes(trees, *kinds) -> Iterator[tuple[str, ast.AST]]:
    """Each node of these kinds, and where it stands."""
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, kinds):
                yield f"{name}:{node.lineno}", node


def parameters(function: Function) -> list[ast.arg]:
    """All that a signature names, but for `self` and `cls`."""
    given = function.args
    named = (*given.posonlyargs, *given.args, *given.kwonlyargs)
    return [argument for argument in named if argument.arg not in ("self", "cls")]


def example_lines(function: Function) -> int:
    """Lines of the example in a docstring, which is no code, and which the tests run."""
    _, _, example = (ast.get_docstring(function) or "").partition("\n\nExample:\n")
    return len(example.splitlines()) + 2 if example else 0


def public(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """What others may use of a module: no underscore in front, not inside of a function."""
    waiting = list(tree.body)
    for node in waiting:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield node
            waiting += node.body if isinstance(node, ast.ClassDef) else []


def test_functions_fit_a_screen(trees):
    lengths = {
        f"{place} {node.name}": node.end_lineno - node.lineno + 1 - example_lines(node)
        for place, node in nodes(trees, Function)
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_signatures_are_short(trees):
    counts = {
        f"{place} {node.name}": len(parameters(node)) for place, node in nodes(trees, Function)
    }
    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}


def test_inputs_are_refused_by_errors_that_speak_not_by_assert(trees):
    assert [place for place, _ in nodes(trees, ast.Assert)] == []


def test_nothing_is_caught_without_a_name(trees):
    handlers = nodes(trees, ast.ExceptHandler)
    assert [place for place, node in handlers if node.type is None] == []


def test_what_is_public_says_what_it_does_takes_and_gives(trees):
    silent = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in trees.items()
        for node in public(tree)
        if ast.get_docstring(node) is None
        or (
            isinstance(node, Function)
            and (node.returns is None or any(p.annotation is None for p in parameters(node)))
        )
    ]
    assert silent == []
    assert all(ast.get_docstring(tree) for name, tree in trees.items())


def test_the_measures_measure():
    tree = ast.parse(
        "class Public:\n    def method(self, a, *, b: int, **options): ...\ndef _private(): ...\n"
    )
    names = [node.name for node in public(tree)]
    assert names == ["Public", "method"]
    (method,) = (node for node in ast.walk(tree) if getattr(node, "name", "") == "method")
    assert [p.arg for p in parameters(method)] == ["a", "b"]
