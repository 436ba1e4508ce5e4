"""Who gets the next connections, and when a crashed worker starts again."""

from hypothesis import given
from hypothesis import strategies as st

from parley_gateway.core.worker_policy import FIRST_PAUSE, LONGEST_PAUSE, SOUND_AFTER, Restarts, weights
from parley_gateway.shell.shared_port import share_program

_workers = st.lists(st.tuples(st.integers(0, 100_000), st.booleans()), min_size=1, max_size=64)


@given(_workers)
def test_whoever_serves_gets_some_and_who_has_fewer_gets_no_less(workers: list[tuple[int, bool]]) -> None:
    shares = weights([held for held, _ in workers], [takes for _, takes in workers])
    serving = [(held, share) for (held, takes), share in zip(workers, shares, strict=True) if takes]
    if not serving:
        assert len(set(shares)) == 1 and shares[0] > 0
        return
    assert all(share == 0 for (_, takes), share in zip(workers, shares, strict=True) if not takes)
    assert all(share > 0 for _, share in serving)
    assert [share for _, share in sorted(serving, key=lambda pair: (pair[0], -pair[1]))] == sorted(
        (share for _, share in serving), reverse=True
    )


def test_one_that_was_started_again_catches_up() -> None:
    held = [500, 0]
    for _ in range(500):
        new, old = weights([held[1], held[0]], [True, True])
        held = [held[0] + old / (old + new), held[1] + new / (old + new)]  # type: ignore[list-item]
    assert min(held) / sum(held) >= 0.3


def _chosen(program: list[tuple[int, int, int, int]], number: int) -> int:
    """What the kernel's interpreter would return."""
    at = 1  # the first step loads the number
    while True:
        code, if_true, if_false, constant = program[at]
        if code == 0x06:
            return constant
        assert code == 0x35
        at += 1 + (if_true if number >= constant else if_false)


@given(st.lists(st.integers(0, 16), min_size=1, max_size=32).filter(any))
def test_the_kernels_program_gives_each_its_share(shares: list[int]) -> None:
    program = share_program(shares)
    assert all(0 <= constant < 1 << 32 for _, _, _, constant in program)
    total, steps = sum(shares), 1 << 10
    chosen = [_chosen(program, number * (1 << 22)) for number in range(steps)]
    for place, share in enumerate(shares):
        assert abs(chosen.count(place) - steps * share / total) <= 2
        assert share or not chosen.count(place)


def test_pauses_grow_and_a_sound_run_forgets_them() -> None:
    restarts, now, pauses = Restarts(), 0.0, []
    for _ in range(8):
        restarts.started(now)
        pauses.append(restarts.ended(now + 1))
        assert restarts.failing == (len(pauses) > 1)
        now += 1 + pauses[-1]
    assert pauses == sorted(pauses) and pauses[0] == FIRST_PAUSE and pauses[-1] == LONGEST_PAUSE
    restarts.started(now)
    assert restarts.ended(now + SOUND_AFTER + 1) == FIRST_PAUSE and not restarts.failing
