"""As whom Postgres runs when we are root, which it refuses to be."""

import os
import pwd

from parley_runtime.embedded.problem import SetupProblem


def unprivileged_uid() -> int:
    """A user of this system other than root; `nobody` where there is one.

    It has to have a name, because initdb looks it up. Raises SetupProblem when the system knows root alone.
    """
    users = {user.pw_name: user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0}
    if "nobody" in users:
        return users["nobody"]
    if users:
        return min(users.values())
    raise SetupProblem(
        "Postgres refuses to run as root, and this system has no other user.",
        "Add one (`useradd parley`), or give your own database in PARLEY_DATABASE_URL.",
    )


def identity_for_postgres(how: str = "auto") -> str | None:
    """The launcher's ``--identity``, or None when we are an ordinary user and need no change."""
    return f"{how}:{unprivileged_uid()}" if os.geteuid() == 0 else None
