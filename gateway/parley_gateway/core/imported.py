"""What an import brings: a chat with its comments, or further comments of one that is too large to come at once."""

import msgspec

from parley.objects import Anchor, Author, ChatState

#: Comments of an import stand before all that are written here later, in the order of the file.
_FIRST_BORN = -(2**40)


class ImportedComment(msgspec.Struct, frozen=True):
    """One comment. `reactions`: emoji → readers, in the order in which they are shown."""

    id: str
    by: Author
    at: int
    text: str
    edited: bool = False
    reactions: dict[str, list[str]] = {}


class ImportedChat(msgspec.Struct, frozen=True):
    """A chat but for its comments; its first comment has its id."""

    id: str
    state: ChatState
    hidden: bool
    anchor: Anchor
    by: Author
    at: int


class Imported(msgspec.Struct, frozen=True):
    """`chat` is None for further comments. `place`: of the first of `comments` among all of the chat.

    `before`: id and digest of the operation that further comments go on from.
    """

    chat: ImportedChat | None
    place: int
    comments: list[ImportedComment]
    before: tuple[str, str] | None = None

    @property
    def ids(self) -> list[str]:
        """Of the operations that decide about it."""
        return [one.id for one in self.comments] + ([self.before[0]] if self.before else [])

    def born(self, number: int) -> int:
        """What orders the `number`-th of these comments; the same each time, so that an import can be resumed."""
        return _FIRST_BORN + self.place + number
