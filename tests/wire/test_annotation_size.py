"""A new annotation is under 1,000 bytes as one `live` frame, in Cyrillic under 1,500. Measured on the socket."""

import pytest

from kit.wire_samples import anchor
from kit.wire_world import Enter

AVATAR = "https://acme.test/avatars/".ljust(80, "a")


def text(alphabet: str, length: int) -> str:
    """Words of seven letters, as prose has them."""
    return "".join(" " if place % 8 == 7 else alphabet[place % len(alphabet)] for place in range(length))


@pytest.mark.parametrize(
    ("alphabet", "most"),
    [
        pytest.param("etaoinshrdlucmfwypvbgkjqxz", 1_000, id="ASCII"),
        pytest.param("оеаинтсрвлкмдпуяызьбгчйхжшю", 1_500, id="Cyrillic"),
    ],
)
async def test_a_new_annotation(enter: Enter, page: str, alphabet: str, most: int) -> None:
    page = page.ljust(80, "p")
    assert len(page.encode()) == len(AVATAR.encode()) == 80
    name = text(alphabet, 12).title()
    ann = await enter("u-1234567890", name=name, avatar=AVATAR, joined=page)
    bo = await enter("bo", gateway=1, joined=page)
    quoted = anchor(text(alphabet, 100), text(alphabet, 64), text(alphabet, 64))
    quoted["position"] = {"start": 123_456, "end": 123_556}
    chat = (await ann.do(page, "new-chat", anchor=quoted, text=text(alphabet, 100)))["broadcastId"]
    for client in (ann, bo):
        view = await client.reach(page, 1)
        [frame] = client.of("live")
        assert view.chats[chat]["anchor"] == quoted and view.chats[chat]["by"]["avatar"] == AVATAR
        assert client.size_of(frame) < most
        print(f"a new annotation in {alphabet[:5]}…: {client.size_of(frame)} bytes")
