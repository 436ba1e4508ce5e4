"""What is registered is used: a limit, metric, setting or error code that nothing reads is an empty promise."""

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from parley import limits, metrics
from parley.errors import CODES, CloseCode
from parley.tenants import limit_of
from parley_runtime.settings import Settings

ROOT = Path(__file__).parents[2]
#: Where each thing is registered, or only shown to people.
REGISTERS = ("limits.py", "metrics.py", "errors.py", "settings.py", "reference.py")


def _words(path: Path) -> Iterable[str]:
    """Every name, attribute and literal string that the code of a file speaks of."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.alias):
            yield node.name


USED = {
    word
    for room in ("common", "gateway", "billing")
    for path in (ROOT / room).rglob("*.py")
    if path.name not in REGISTERS
    for word in _words(path)
}


def _constants(module: object, kind: type) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, kind)]


@pytest.mark.parametrize(
    "registered",
    [
        _constants(limits, limits.Limit),
        _constants(metrics, metrics.Metric),
        list(Settings.model_fields),
        list(CODES),
        [close.name for close in CloseCode],
    ],
    ids=["limits", "metrics", "settings", "error codes", "close codes"],
)
def test_everything_registered_is_used(registered: list[str]) -> None:
    assert registered
    assert [name for name in registered if name not in USED] == []


def test_a_tenant_has_its_own_limits_only_where_they_are_marked_so() -> None:
    own = {limit.name: 7 for limit in limits.ALL}
    for limit in limits.ALL:
        assert limit_of(own, limit) == (7 if limit.per_tenant else limit.default)
        assert limit_of({}, limit) == limit.default
