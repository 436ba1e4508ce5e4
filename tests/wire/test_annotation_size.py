"""A new annotation is under 1,000 bytes as one `live` frame, in Cyrillic under 1,500; with the widget's longest hint
under 1,024 and 1,500. Measured on the socket."""

import json
import re
from pathlib import Path

import pytest

from kit.wire_samples import anchor
from kit.wire_world import Enter

ANCHORING = Path(__file__).parents[2] / "web/src/anchoring"
ASCII, CYRILLIC = "etaoinshrdlucmfwypvbgkjqxz", "оеаинтсрвлкмдпуяызьбгчйхжшю"
AVATAR = "https://acme.test/avatars/".ljust(80, "a")


def text(alphabet: str, length: int) -> str:
    """Words of seven letters, as prose has them."""
    return "".join(" " if place % 8 == 7 else alphabet[place % len(alphabet)] for place in range(length))


def longest_hint() -> str:
    """As the widget's longest (web/src/anchoring/describe.ts): how often the quote and its twins stand in a text of
    999,999 characters at most, how alike the likest other place is in hundredths, and on both sides the rarest words of
    each ring, three characters each."""
    source = (ANCHORING / "surroundings.ts").read_text()
    [per_ring] = re.findall(r"const PER_RING = (\d+);", source)
    [rings] = re.findall(r"const RINGS = (\[\[.*\]\])", source)
    side = 3 * int(per_ring) * len(json.loads(rings))
    return f"99999.99999.100.{'x' * side}.{'x' * side}"


@pytest.mark.parametrize(
    ("alphabet", "hint", "most"),
    [
        pytest.param(ASCII, None, 1_000, id="ASCII"),
        pytest.param(ASCII, longest_hint(), 1_024, id="ASCII, longest hint"),
        pytest.param(CYRILLIC, None, 1_500, id="Cyrillic"),
        pytest.param(CYRILLIC, longest_hint(), 1_500, id="Cyrillic, longest hint"),
    ],
)
async def test_a_new_annotation(enter: Enter, page: str, alphabet: str, hint: str | None, most: int) -> None:
    page = page.ljust(80, "p")
    assert len(page.encode()) == len(AVATAR.encode()) == 80
    name = text(alphabet, 12).title()
    ann = await enter("u-1234567890", name=name, avatar=AVATAR, joined=page)
    bo = await enter("bo", gateway=1, joined=page)
    quoted = anchor(text(alphabet, 100), text(alphabet, 64), text(alphabet, 64))
    quoted["position"] = {"start": 123_456, "end": 123_556}
    if hint is not None:
        quoted["hint"] = hint
    chat = (await ann.do(page, "new-chat", anchor=quoted, text=text(alphabet, 100)))["broadcastId"]
    for client in (ann, bo):
        view = await client.reach(page, 1)
        [frame] = client.of("live")
        assert view.chats[chat]["anchor"] == quoted and view.chats[chat]["by"]["avatar"] == AVATAR
        assert client.size_of(frame) < most
        print(f"a new annotation in {alphabet[:5]}…: {client.size_of(frame)} bytes")
