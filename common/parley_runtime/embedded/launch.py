"""Becomes the child's program: ``python -I -S launch.py OPTIONS -- COMMAND``.

``--watch FD``      announce this pid to the watchman on FD before the command exists: never unguarded
``--pidfile PATH``  write this pid there, so that the next start can recognise a leftover
``--identity HOW``  as root, run the command as somebody else (Postgres refuses to run as root):
                    ``namespace:UID``: in a user namespace, as ordinary user UID; files stay root's outside
                    ``user:UID``: as that user, with the one capability it takes to reach files below /root

A separate program instead of a ``preexec_fn`` because code between fork and exec in a process with threads
can deadlock, and a user namespace can only be entered by a process with a single thread.
"""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def enter_namespace(uid: int) -> bool:
    """Become user `uid` of a new user namespace, still root's own user outside; False where forbidden."""
    libc = ctypes.CDLL(None, use_errno=True)
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        return False
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{uid} {outer_gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    return True


class CapabilityHeader(ctypes.Structure):
    """``struct __user_cap_header_struct``; pid 0 is the caller."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class CapabilityData(ctypes.Structure):
    """``struct __user_cap_data_struct``: one 32-bit word of each set."""

    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def become(uid: int) -> None:
    """Change to user `uid` for good, keeping the capability to pass closed directories where we may."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    header = CapabilityHeader(CAPABILITY_VERSION_3, 0)
    bit = 1 << CAP_DAC_OVERRIDE
    data = (CapabilityData * 2)(CapabilityData(bit, bit, bit), CapabilityData(0, 0, 0))
    if libc.capset(ctypes.byref(header), ctypes.byref(data)) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def main(arguments: list[str]) -> None:
    """Do what the options say, then become the command; exits 127 when it cannot be started."""
    split = arguments.index("--")
    options = dict(zip(arguments[:split:2], arguments[1:split:2], strict=True))
    command = arguments[split + 1 :]
    how, _, number = options.get("--identity", "").partition(":")
    if "--watch" in options:
        descriptor = int(options["--watch"])
        os.write(descriptor, b"add %d\n" % os.getpid())
        os.close(descriptor)
    if "--pidfile" in options:
        with open(options["--pidfile"], "w") as file:
            file.write(f"{os.getpid()}\n")
    if how == "namespace" and not enter_namespace(int(number)):
        sys.exit("this system does not let root make user namespaces")
    if how == "user":
        become(int(number))
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
