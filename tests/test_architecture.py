"""The picture in docs/architecture.md shows the imports that are there: no more, no fewer."""

import re
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PACKAGES = ("parley", "parley_runtime", "parley_gateway", "parley_billing")
#: What the picture shows as one box. The longest prefix wins.
BOXES = {
    "parley": "parley",
    "parley_runtime": "parley_runtime",
    "parley_gateway.core": "gateway core",
    "parley_gateway.shell": "gateway shell",
    "parley_gateway": "gateway wiring",
    "parley_billing.core": "billing core",
    "parley_billing.shell": "billing shell",
    "parley_billing": "billing wiring",
}


def _box(module: str) -> str:
    prefix = max((name for name in BOXES if module == name or module.startswith(f"{name}.")), key=len)
    return BOXES[prefix]


def _imported() -> set[tuple[str, str]]:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    edges = set()
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            if _box(importer) != _box(imported):
                edges.add((_box(importer), _box(imported)))
    return edges


def _drawn() -> set[tuple[str, str]]:
    text = (ROOT / "docs" / "architecture.md").read_text()
    picture = text.split("```mermaid\n%% imports\n", 1)[1].split("```", 1)[0]
    names = dict(re.findall(r"(\w+)\[([^\]]+)\]", picture))
    arrows = re.findall(r"^\s*(\w+) --> (\w+)\s*$", re.sub(r"\[[^\]]+\]", "", picture), re.MULTILINE)
    return {(names[a], names[b]) for a, b in arrows}


def test_the_picture_shows_exactly_the_imports_between_the_boxes() -> None:
    assert _drawn() == _imported()
