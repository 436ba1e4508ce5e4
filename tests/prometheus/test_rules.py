"""The Prometheus rules, checked and unit-tested by the real promtool."""

import re
import subprocess
from pathlib import Path

import pytest

from kit.promtool import promtool
from parley import metrics

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "charts" / "parley" / "rules").glob("*.yml"))
TESTS = sorted(Path(__file__).parent.glob("*.test.yml"))
#: What histograms add to their name.
SUFFIXES = r"(_bucket|_sum|_count)?"


def run(*arguments: str | Path) -> str:
    done = subprocess.run([promtool(), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_rules_are_valid(rules: Path) -> None:
    assert "SUCCESS" in run("check", "rules", "--lint-fatal", rules)


@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.name)
def test_rules_do_what_they_say(tests: Path) -> None:
    assert "SUCCESS" in run("test", "rules", tests)


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_each_alert_is_seen_to_fire(rules: Path) -> None:
    tested = "".join(path.read_text() for path in TESTS)
    alerts = re.findall(r"^ +- alert: (\w+)$", rules.read_text(), re.MULTILINE)
    assert len(alerts) > 10 and len(alerts) == len(set(alerts))
    for alert in alerts:
        fired = re.search(rf"alertname: {alert}\n +exp_alerts:\n", tested)
        assert fired is not None, f"no test lets {alert} fire"


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.name)
def test_rules_speak_only_of_metrics_that_there_are(rules: Path) -> None:
    registered = "|".join(metric.name for metric in metrics.ALL)
    named = set(re.findall(r"(?<![\w:])parley_\w+", rules.read_text()))
    assert named and [name for name in named if not re.fullmatch(rf"({registered}){SUFFIXES}", name)] == []
