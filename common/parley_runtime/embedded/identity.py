"""As whom Postgres runs when we are root, which it refuses to be.

``namespace:UID`` is a user namespace in which root is the ordinary user UID: files stay root's, and
everything below /root is reachable. Where namespaces are forbidden (many containers) it is ``user:UID``:
really that user, with files given to it and the one capability that lets it pass closed directories.
"""

import functools
import os
import pwd
import subprocess
import sys
from pathlib import Path

from parley_runtime.embedded.problem import SetupProblem

LAUNCHER = Path(__file__).with_name("launch.py")


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


@functools.cache
def identity_for_postgres(how: str = "auto") -> str | None:
    """The launcher's ``--identity``; None when we are an ordinary user and need none.

    `how` is ``namespace``, ``user``, or ``auto``: the first if this system allows it, else the second.
    """
    if os.geteuid() != 0:
        return None
    uid = unprivileged_uid()
    if how == "auto":
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), "--identity", f"namespace:{uid}", "--"]
        probe = subprocess.run([*launcher, sys.executable, "-I", "-S", "-c", ""], capture_output=True, check=False)
        how = "namespace" if probe.returncode == 0 else "user"
    return f"{how}:{uid}"


def owner_of_files(identity: str) -> int:
    """The uid, as seen from here, of whom the files of a program with that identity have to belong to."""
    how, _, uid = identity.partition(":")
    return int(uid) if how == "user" else os.geteuid()
