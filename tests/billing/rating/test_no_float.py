"""There is no float in what computes money: not as a name, not as a literal, not as what a division makes."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = [
    *(ROOT / "common/parley" / name for name in ("money.py", "plans.py", "plan_rules.py")),
    ROOT / "billing/parley_billing/rate_command.py",
    *sorted((ROOT / "billing/parley_billing/core/rating").glob("*.py")),
]


def floats(source: str) -> list[str]:
    """What in this source is a float or makes one: `float`, 0.5, `/`, and functions that give floats."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float() | complex()):
                found.append(f"line {node.lineno}: {node.value!r}")
            case ast.Name(id="float" | "complex" | "pow"):
                found.append(f"line {node.lineno}: {node.id}")
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                found.append(f"line {node.lineno}: /")
            case ast.Attribute(attr="total_seconds" | "timestamp"):
                found.append(f"line {node.lineno}: .{node.attr}")
            case ast.Import(names=names) if any(name.name in ("math", "statistics", "random") for name in names):
                found.append(f"line {node.lineno}: import")
            case ast.ImportFrom(module="math" | "statistics" | "random"):
                found.append(f"line {node.lineno}: import")
    return found


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_no_float(file: Path) -> None:
    assert floats(file.read_text()) == []


@pytest.mark.parametrize(
    "source", ["x = 0.5", "float(x)", "a / b", "a /= b", "d.total_seconds()", "import math", "from math import ceil"]
)
def test_the_test_finds_them(source: str) -> None:
    assert len(floats(source)) == 1


def test_it_looks_at_all_of_it() -> None:
    assert len(FILES) > 20 and all(file.is_file() for file in FILES)
