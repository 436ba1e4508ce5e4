"""The one exception of a set-up that cannot work as it is."""


class SetupProblem(Exception):
    """What is wrong, in one sentence, and what to do about it, in another.

    ``str()`` is both, ready to be shown to the person at the terminal. Never holds a secret.
    """

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(f"{message} {help}".strip())
        self.message = message
        self.help = help
