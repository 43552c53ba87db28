"""Every case has a test, under the name that the table gives it."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.cases.table import CASES

TESTS = Path(__file__).parents[1]


@cache
def known(path: str) -> tuple[set[str], set[str]]:
    """The test functions of a file, and all its texts, among which are the names of parameters."""
    nodes = list(ast.walk(ast.parse((TESTS / path).read_text(encoding="utf-8"))))
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    return functions, {str(node.value) for node in nodes if isinstance(node, ast.Constant)}


@pytest.mark.parametrize("case", CASES)
def test_a_case_has_its_tests(case: str) -> None:
    assert CASES[case]
    for test in CASES[case]:
        path, _, name = test.partition("::")
        function, _, parameter = name.removesuffix("]").partition("[")
        functions, texts = known(path)
        assert function in functions, test
        assert not parameter or parameter in texts, test
