"""The command `parley rate`: lines that programs read, and sentences for whatever is wrong."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from kit.formula import check
from kit.profiles import SHORT
from parley_billing.core.rating.case_compound import COMPOUND
from parley_billing.core.rating.cases import answer
from parley_billing.rate_command import LARGEST_FILE, rate, zone


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cases.json"


def run(path: Path, content: str | bytes, *options: str) -> Result:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CliRunner().invoke(rate, [str(path), *options])


def rated(path: Path, *cases: Any, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    result = run(path, json.dumps({"rating": cases}), *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def case(model: Any = "graduated", config: Any = ((10, "1", "0"), (None, "2", "0")), quantity: Any = "12") -> Any:
    return {"id": "a", "model": model, "config": config, "quantity": quantity}


def test_one_line_a_case_in_their_order(path: Path) -> None:
    words = {"id": "w", "model": "package 10/15", "config": "pre 17, +5", "quantity": ""}
    assert rated(path, case(), words, case("barter")) == [
        {"id": "a", "amount": "14"},
        {"id": "w", "error": "config: it is told in words; only structured ones are rated."},
        {"id": "a", "error": "model: 'barter' is not known."},
    ]


def test_other_members_of_the_file_and_of_a_case_do_not_matter(path: Path) -> None:
    result = run(path, json.dumps({"rating": [{**case(), "expected": "99", "note": "?"}], "proration": [1]}))
    assert result.stdout == '{"id": "a", "amount": "14"}\n'


def test_the_formula_on_demand(path: Path) -> None:
    [said] = rated(path, case(), options=("--formula",))
    assert said == {"id": "a", "amount": "14", "formula": "10 × 1 + 2 × 2 = 14"}


@pytest.mark.parametrize(
    "model",
    ["graduated", "graduated (rate as unit price)", "graduated, as seen elsewhere", "graduated\tx", "graduated-2"],
)
def test_text_after_the_name_is_a_remark(path: Path, model: str) -> None:
    assert rated(path, case(model)) == [{"id": "a", "amount": "14"}]


@pytest.mark.parametrize("model", ["graduateds", "Graduated", " graduated", "blocks", "blocks ALL", ""])
def test_another_name_is_another_model(path: Path, model: str) -> None:
    assert rated(path, case(model)) == [{"id": "a", "error": f"model: {model!r} is not known."}]


def test_what_was_invoiced_before_is_the_one_remark_that_counts(path: Path) -> None:
    blocks = case("blocks ALL_TIERS minus already invoiced 0.5", [[100, 10, "1"]], "199")
    [said] = rated(path, blocks, options=("--formula",))
    assert said == {"id": "a", "amount": "1.5", "formula": "2 × 1 = 2; 2 − 0.5 = 1.5"}


def test_json_numbers_are_taken_digit_by_digit(path: Path) -> None:
    text = '{"rating":[{"id":"a","model":"per unit","config":{"unit_price":0.1000000000000000055},"quantity":3}]}'
    assert json.loads(run(path, text).stdout)["error"].endswith("0.1000000000000000055 has more than 12 decimals.")
    text = text.replace("0.1000000000000000055", "0.100000000001").replace(
        '"quantity":3', '"quantity":9007199254740993'
    )
    assert json.loads(run(path, text).stdout)["amount"] == "900719925483106.499254740993"


SIZES = {"size": 10, "amount": "15"}

#: Model, config, quantity, the sentence.
WRONG: list[tuple[Any, Any, Any, str]] = [
    ("volume", [[None, "1", "0"]], "NaN", "quantity: NaN is not a number."),
    ("volume", [[None, "1", "0"]], float("nan"), "quantity: NaN is not a number."),
    ("volume", [[None, "1", "0"]], float("inf"), "quantity: It is infinite."),
    ("volume", [[None, "1", "0"]], "-1", "quantity: -1 is negative."),
    ("volume", [[None, "1", "0"]], -1, "quantity: -1 is negative."),
    ("volume", [[None, "1", "0"]], "twelve", "quantity: 'twelve' is not a number."),
    ("volume", [[None, "1", "0"]], "1_000", "quantity: '1_000' is not a number."),
    ("volume", [[None, "1", "0"]], "١٢", "quantity: '١٢' is not a number."),
    ("volume", [[None, "1", "0"]], "1500;2048", "quantity: '1500;2048' is not a number."),
    ("volume", [[None, "1", "0"]], "", "quantity: it is missing."),
    ("volume", [[None, "1", "0"]], None, "quantity: it is missing."),
    ("volume", [[None, "1", "0"]], True, "quantity: true is not a number."),
    ("volume", [[None, "1", "0"]], 2**63,
     "quantity: 9223372036854775808 is above the largest possible, 9223372036854775807."),
    ("volume", [[None, "1", "0"]], "1e9999", "quantity: 1E+9999 is above the largest possible, 9223372036854775807."),
    ("graduated", [[10, "1", "0"], [5, "1", "0"], [None, "1", "0"]], "1",
     "config.tiers[1]: It ends at 5, but the tier before ends at 10 (they overlap)."),
    ("graduated", [[10, "1", "0"]], "1", "config.tiers[0]: It ends at 10: what comes above has no price (a gap)."),
    ("graduated", [], "1", "config.tiers: There are 0 tiers; it must be 1 to 100."),
    ("graduated", [[10, "1"]], "1", "config[0]: a list of 2 is not [up to and including, unit price, flat]."),
    ("graduated", [[None, "1", None]], "1", "config[0]: it is missing."),
    ("graduated", [["ten", "1", "0"]], "1", "config[0]: 'ten' is not a number."),
    ("graduated", {"tiers": []}, "1", "config: an object is not a list."),
    ("graduated", None, "1", "config: null is not a list."),
    ("package", [], "1", "config: a list of 0 is not an object."),
    ("package", {"size": 10}, "1", "config: 'amount' is missing."),
    ("package", {**SIZES, "free": 1}, "1", "config: 'free' is not known."),
    ("package", {**SIZES, "round": "even"}, "1", "config.round: 'even' is neither 'up' nor 'down'."),
    ("package", {**SIZES, "free_units": -1}, "1", "config.free_units: -1 is negative."),
    ("package", {"size": 0, "amount": "15"}, "1", "config.size: It is 0: nothing can be packed into it."),
    ("blocks ALL_TIERS", [[100, -1, "1"], [100, -1, "1"]], "1",
     "config.tiers[0]: It has no end, so the tier after it overlaps it; only the last has no end."),
    ("blocks ALL_TIERS", [[100, 1, "1"]], "101", "The quantity 101 is above what the tiers hold, 100."),
    ("blocks ALL_TIERS", [[100, "1.5", "1"]], "1", "config[0]: '1.5' is not a whole number."),
    ("blocks TOP_TIER", [[100, 0, "1"]], "1", "config.tiers[0].most: 0 is not between 1 and 9223372036854775807."),
    ("flat", {"amount": "-3"}, "1", "config.amount: -3 is negative."),
    ("line", {"pricing": {"model": "flat", "config": {"amount": "1"}}, "currency": "EURO"}, "1",
     "'EURO' is not a currency of ISO 4217 that can be invoiced."),
    ("minimum", {"pricing": {"model": "flat", "config": {"amount": "1"}}, "currency": "EUR"}, "1",
     "config: 'minimum' is missing."),
    ("proration", {"amount": "1", "currency": "EUR", "period": ["2026-02-01", "2026-03-01"], "from": "2026-02-30",
                   "to": "2026-03-01"}, "1", "config.from: '2026-02-30' is not a day as 2026-02-28."),
    ("proration", {"amount": "1", "currency": "EUR", "period": ["2026-03-01", "2026-02-01"], "from": "2026-02-03",
                   "to": "2026-03-01"}, "1", "A period from 2026-03-01 to 2026-02-01 has no day."),
    ("proration", {"amount": "1", "currency": "EUR", "period": ["2026-02-01", "2026-03-01"], "from": "2026-02-03",
                   "to": "2026-03-01", "by": "second", "time_zone": "Mars/Olympus"}, "1",
     "config.time_zone: 'Mars/Olympus' is not a time zone of the IANA database."),
    ("proration", {"amount": "1", "currency": "EUR", "period": ["2026-02-01", "2026-03-01"], "from": "2026-02-03",
                   "to": "2026-03-01", "by": "second", "time_zone": "../../etc"}, "1",
     "config.time_zone: '../../etc' is not a time zone of the IANA database."),
    ("maximum", {"pricing": {"model": "flat", "config": {"amount": "1"}}, "currency": "EUR", "minimum": 3,
                 "maximum": 2}, "1", "config.minimum: 3 is above the maximum, 2."),
    ("included quantity", {"pricing": {"model": "flat", "config": {"amount": "1"}}, "currency": "EUR", "included": 3},
     "1", "config.included: A flat charge does not depend on the quantity: nothing can be included."),
    ("invoice", {"lines": [], "currency": "EUR", "minimum": 3, "maximum": 2}, "1",
     "config.minimum: 3 is above the maximum, 2."),
    ("proration", {"amount": "1", "currency": "EUR", "period": ["0001-01-01", "0001-02-01"], "from": "0001-01-01",
                   "to": "0001-02-01", "by": "second", "time_zone": "Europe/Berlin"}, "1",
     "0001-01-01 begins outside of the calendar there."),
    ("allocation", {"weights": [0, 0], "currency": "EUR"}, "1",
     "No weight is above zero: there is nobody to give it to."),
]  # fmt: skip


@pytest.mark.parametrize(("model", "config", "quantity", "sentence"), WRONG, ids=[row[3] for row in WRONG])
def test_a_case_that_cannot_be_rated(path: Path, model: str, config: Any, quantity: Any, sentence: str) -> None:
    assert rated(path, case(model, config, quantity)) == [{"id": "a", "error": sentence}]


def test_a_case_without_an_id_or_that_is_none(path: Path) -> None:
    assert rated(path, {"model": "flat"}, 7) == [
        {"id": None, "error": "id: null is not a text."},
        {"id": None, "error": "Case 2 of `rating` is not an object."},
    ]


def test_an_id_comes_back_as_it_was(path: Path) -> None:
    ids = ["é", "😀", "\ud800", "\n", '"']
    assert [said["id"] for said in rated(path, *({**case(), "id": name} for name in ids))] == ids


#: Content, the sentence after the name of the file.
FILES: list[tuple[bytes, str]] = [
    (b"", " is not JSON (line 1, column 1: Expecting value)."),
    (b'{"rating": [}', " is not JSON (line 1, column 13: Expecting value)."),
    (b'\xff{"rating": []}', " is not UTF-8."),
    (b"[]", " has no list `rating`."),
    (b'{"rating": {}}', " has no list `rating`."),
    (b'{"rating": [{"id": "a", "id": "b"}]}', ": The member 'id' is there twice in one object."),
    (b'{"rating": [1e99999999999999999999]}', ": The number 1e99999999999999999999 cannot be read."),
    (b"[" * 200_000, " is nested too deeply."),
]


@pytest.mark.parametrize(("content", "sentence"), FILES, ids=[row[1] for row in FILES])
def test_a_file_that_cannot_be_read(path: Path, content: bytes, sentence: str) -> None:
    result = run(path, content)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {path}{sentence}\n"


def test_a_file_that_is_not_there(path: Path) -> None:
    result = CliRunner().invoke(rate, [str(path)])
    assert (result.exit_code, result.stderr) == (1, f"Error: {path} cannot be read: No such file or directory.\n")


def test_a_file_that_is_too_large(path: Path) -> None:
    with path.open("wb") as opened:
        opened.truncate(LARGEST_FILE + 1)
    result = CliRunner().invoke(rate, [str(path)])
    assert (result.exit_code, result.stderr) == (1, f"Error: {path} is larger than 67108864 bytes.\n")


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.decimals(),
        st.text(max_size=5),
        st.sampled_from(["1", "-1", "NaN", "EUR", "2026-01-01"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MODELS = st.sampled_from(
    ["graduated", "volume", "package", "blocks ALL_TIERS", "blocks TOP_TIER", "line", "allocation"]
)
ROWS = st.lists(st.tuples(JSON, JSON, JSON).map(list), max_size=3)
OBJECTS = st.fixed_dictionaries(
    {}, optional={name: JSON for name in ("size", "amount", "round", "free_units", "pricing", "currency", "weights")}
)


LINES = st.fixed_dictionaries(
    {
        "pricing": st.sampled_from(
            [
                {"model": "per unit", "config": {"unit_price": "0.335"}},
                {"model": "flat", "config": {"amount": "9.999"}},
                {"model": "package", "config": {"size": "10", "amount": "3", "free_units": "2"}},
                {"model": "volume", "config": [["5", "3", "1"], [None, "1", "0"]]},
                {"model": "blocks ALL_TIERS", "config": [["5", "3", "1"]]},
                {"model": "line", "config": {}},
            ]
        )
    },
    optional={
        name: st.sampled_from(["0", "5", "7.123", "100", "101", "-1", "NaN", "1e30", None])
        for name in ("included", "usage_discount", "percent_discount", "maximum", "minimum")
    },
)
AMOUNT = st.sampled_from(["0", "10", "9.995", "NaN", "-2", "1e12", "x"])
DAY = st.sampled_from(["2026-02-01", "2026-02-15", "2026-03-29", "2026-04-01", "0001-01-01", "9999-12-31", "20260201"])
CURRENCY = st.sampled_from(["EUR", "JPY", "KWD", "XXX"])
COMPOUND_CONFIGS = st.fixed_dictionaries(
    {"currency": CURRENCY},
    optional={
        "lines": st.lists(LINES, max_size=3),
        "coupons": st.lists(
            st.fixed_dictionaries({"name": st.just("c")}, optional={"percent": AMOUNT, "amount": AMOUNT}), max_size=2
        ),
        "credits": st.lists(AMOUNT, max_size=2),
        "prepaid": AMOUNT,
        "maximum": AMOUNT,
        "minimum": AMOUNT,
    },
) | st.builds(
    lambda line, more: {**line, **more},
    LINES,
    st.fixed_dictionaries({"currency": CURRENCY}, optional={"before": AMOUNT}),
)
PERIOD_CONFIGS = st.fixed_dictionaries(
    {"currency": CURRENCY, "period": st.lists(DAY, min_size=1, max_size=3)},
    optional={
        "amount": AMOUNT,
        "amounts": st.lists(AMOUNT, max_size=3),
        "from": DAY,
        "to": DAY,
        "change": DAY,
        "trial_end": DAY,
        "by": st.sampled_from(["day", "second", "week"]),
        "time_zone": st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Europe", "", "nowhere"]),
    },
)


@SHORT
@given(
    st.fixed_dictionaries(
        {
            "id": st.just("a"),
            "model": MODELS | st.sampled_from([*COMPOUND]),
            "config": JSON | ROWS | OBJECTS | COMPOUND_CONFIGS | PERIOD_CONFIGS,
            "quantity": JSON | st.sampled_from(["0", "1", "12.5", "9223372036854775807"]),
        }
    )
)
def test_whatever_it_is_given_there_is_an_answer(anything: Any) -> None:
    answered = answer(anything, 0, zone)
    assert (answered.result is None) != (answered.error is None)


@SHORT
@given(st.sampled_from([*COMPOUND]), COMPOUND_CONFIGS | PERIOD_CONFIGS, st.sampled_from(["0", "1", "12.5"]))
def test_whatever_is_rated_has_a_formula_that_holds(model: str, config: Any, quantity: str) -> None:
    answered = answer(case(model, config, quantity), 0, zone)
    if answered.result is not None:
        assert check(answered.result.formula) == Decimal(answered.result.value)
