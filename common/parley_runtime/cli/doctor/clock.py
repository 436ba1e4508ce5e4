"""Clocks: tokens expire and usage is booked by them."""

from parley_runtime.cli.doctor.finding import Finding

# A token's leeway: beyond it a token made elsewhere may be refused here. Seconds.
TOO_FAR = 10.0
# Usage near midnight is booked on the wrong day. Seconds.
NOTABLE = 2.0

ADVICE = "Let both machines follow the same time servers (NTP, chrony)."


def check_skew(subject: str, theirs: float, before: float, after: float) -> Finding:
    """Their clock (s since the epoch), read between `before` and `after` of ours."""
    skew = max(theirs - after, before - theirs, 0.0)
    if skew > TOO_FAR:
        return Finding.problem("Clocks", f"{subject}'s clock and ours differ by {skew:.0f} s.", ADVICE)
    if skew > NOTABLE:
        return Finding.warning("Clocks", f"{subject}'s clock and ours differ by {skew:.1f} s.", ADVICE)
    return Finding.ok("Clocks", f"{subject} and we agree")
