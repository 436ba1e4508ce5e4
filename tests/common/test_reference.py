"""The generated pages of docs/ say what the code says."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from parley import limits, metrics
from parley.errors import CODES, CloseCode
from parley_runtime.reference import PAGES, main
from parley_runtime.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"

NAMES = {
    "settings.md": [f"`PARLEY_{name.upper()}`" for name in Settings.model_fields],
    "errors.md": [f"`{code}`" for code in CODES] + [f"| {close.value} |" for close in CloseCode],
    "limits.md": [f"`{limit.name}`" for limit in limits.ALL],
    "metrics.md": [f"`{metric.name}`" for metric in metrics.ALL],
}


@pytest.mark.parametrize("page", PAGES)
def test_page_is_as_the_code_makes_it(page: str) -> None:
    stale = "stale: run `python -m parley_runtime.reference`"
    assert (DOCS / page).read_text(encoding="utf-8") == PAGES[page](), stale


@pytest.mark.parametrize("page", PAGES)
def test_page_names_everything(page: str) -> None:
    text = PAGES[page]()
    assert [name for name in NAMES[page] if name not in text] == []


def test_every_setting_is_described_with_its_unit_where_it_has_one() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        if name.endswith("_ms"):
            assert "ms" in field.description, name
        if name.endswith("_seconds"):
            assert ", s" in field.description or "seconds" in field.description, name


def test_the_registries_name_each_thing_once() -> None:
    for names in (
        [limit.name for limit in limits.ALL],
        [metric.name for metric in metrics.ALL],
        [code.code for code in CODES.values()],
    ):
        assert len(names) == len(set(names))
    assert all(code == entry.code for code, entry in CODES.items())


def test_metrics_are_named_as_prometheus_wants_them() -> None:
    for metric in metrics.ALL:
        assert metric.name.startswith("parley_"), metric.name
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
        assert metric.help.endswith("."), metric.name


def test_the_command_writes_the_pages(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [str(tmp_path / "docs")])
    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "docs").iterdir()} == set(PAGES)
