"""`parley demo` with all its real parts, from outside."""

import base64
import json
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kit.demo import RunningDemo
from parley_runtime.embedded import free_port
from parley_runtime.embedded.identity import LAUNCHER, unprivileged_uid
from parley_runtime.embedded.processes import is_running, wait_gone

pytestmark = pytest.mark.servers

PAGE = base64.urlsafe_b64encode(b"https://demo.test/a").rstrip(b"=").decode()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """One that several tests look at."""
    with RunningDemo(tmp_path_factory.mktemp("demo"), "--port", str(free_port())) as running:
        yield running.wait_ready()


def data_of(demo: RunningDemo) -> Path:
    arguments = demo.process.args
    assert isinstance(arguments, list)
    return Path(str(arguments[arguments.index("--data") + 1]))


def write_chat(demo: RunningDemo, text: str) -> None:
    status, body = demo.post(
        f"/v1/pages/{PAGE}/operations",
        {
            "t": "do",
            "page": "https://demo.test/a",
            "broadcastId": str(uuid.uuid4()),
            "op": "new-chat",
            "anchor": {"quote": {"exact": "a", "prefix": "", "suffix": ""}, "position": {"start": 0, "end": 1}},
            "text": text,
        },
        demo.bearer(tenant="acme", reader="ann", role="moderator"),
    )
    assert status == 200, body


def chats(demo: RunningDemo, tenant: str = "acme") -> str:
    status, body = demo.get(f"/v1/pages/{PAGE}/chats", demo.bearer(tenant=tenant, reader="bo"))
    assert status == 200, body
    return body.decode()


def test_one_line_says_ready_and_nothing_else_is_printed(demo: RunningDemo) -> None:
    assert len(demo.output) == 1
    assert demo.notes == []
    print(f"first start took {demo.took:.1f} s")


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/", b"<article"),
        ("/demo/", b"<article"),
        ("/demo/demo.js", b"parley"),
        ("/v1/parley.js", b""),
        ("/v1/openapi.json", b"openapi"),
        ("/healthz/ready", b""),
        ("/healthz/live", b""),
        ("/metrics", b'parley_demo_up{program="billing"} 1'),
    ],
)
def test_everything_answers_on_the_one_port(demo: RunningDemo, path: str, part: bytes) -> None:
    status, body = demo.get(path)
    assert status == 200 and part in body


def test_metrics_are_one_valid_exposition(demo: RunningDemo) -> None:
    series = [
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in text_string_to_metric_families(demo.get("/metrics")[1].decode())
        for sample in family.samples
    ]
    assert len(series) == len(set(series)) > 10


def test_a_comment_is_kept_counted_and_unseen_by_the_other_tenant(demo: RunningDemo) -> None:
    write_chat(demo, "Is this sentence true?")
    assert "Is this sentence true?" in chats(demo)
    assert "Is this sentence true?" not in chats(demo, "globex")
    deadline = time.monotonic() + 5
    bearer = demo.bearer(tenant="acme", reader="finance", scope="usage:read")
    while True:
        status, body = demo.get("/v1/usage", bearer)
        assert status == 200, body
        usage = json.loads(body)
        if usage["classes"]["publish"]["messages"] >= 1:
            break
        assert time.monotonic() < deadline, "usage did not show within 5 s"
    assert usage["tenant"] == "acme" and usage["pubSubMessageCount"] >= 1


def test_a_killed_program_comes_back_on_the_same_port(demo: RunningDemo) -> None:
    for module in ("parley_gateway", "parley_billing"):
        killed = demo.child(module)
        os.kill(killed, signal.SIGKILL)
        demo.wait_line(f"The {module.removeprefix('parley_')} ended (killed by SIGKILL")
    deadline = time.monotonic() + 20
    while True:
        try:
            if demo.get("/healthz/ready")[0] == 200 and b'up{program="billing"} 1' in demo.get("/metrics")[1]:
                break
        except OSError:
            pass
        assert time.monotonic() < deadline
    assert len(demo.output) == 1


def test_killed_stores_come_back_with_their_data(demo: RunningDemo) -> None:
    write_chat(demo, "Kept over a crash")
    for name, part in (("Valkey", "valkey-server"), ("Postgres", "/postgres -D")):
        os.kill(demo.child(part), signal.SIGKILL)
        demo.wait_line(f"The {name} ended")
    deadline = time.monotonic() + 20
    while True:
        try:
            if demo.get("/healthz/ready")[0] == 200 and "Kept over a crash" in chats(demo):
                break
        except (OSError, AssertionError):
            pass
        assert time.monotonic() < deadline


def test_the_same_directory_twice_is_refused(demo: RunningDemo) -> None:
    for arguments in ([], ["--fresh"]):
        with RunningDemo(data_of(demo), "--port", "0", *arguments) as second:
            assert second.wait_ended() == 1
        assert second.output == []
        assert f"in use by process {demo.process.pid}" in second.notes[0]
    assert demo.get("/healthz/ready")[0] == 200


def test_a_second_demo_takes_another_port_and_both_work(demo: RunningDemo, tmp_path: Path) -> None:
    port = demo.url.rpartition(":")[2]
    with RunningDemo(tmp_path, env={"PORT": port}) as second:
        second.wait_ready()
        assert second.url != demo.url
        assert any(f"Port {port} is in use" in note for note in second.notes)
        write_chat(second, "Only in the second")
        assert "Only in the second" in chats(second)
        assert "Only in the second" not in chats(demo)


def test_its_life(tmp_path: Path) -> None:
    """First start, ctrl-C, second start with the data, kill -9, start after it, --fresh."""
    port = str(free_port())
    with RunningDemo(tmp_path, "--port", port) as first:
        first.wait_ready()
        write_chat(first, "Still here tomorrow")
        everything = list(first.children())
        assert len(everything) > 8
        asked = time.monotonic()
        first.signal(signal.SIGINT)
        assert first.wait_ended() == 0
        assert wait_gone(everything, 0.5) == []
        took = time.monotonic() - asked
        assert took < 3, f"ctrl-C took {took:.1f} s"
        assert first.notes == []

    with RunningDemo(tmp_path, "--port", port) as second:
        second.wait_ready()
        print(f"ctrl-C took {took:.2f} s, the second start {second.took:.2f} s")
        assert second.took < 6
        assert second.url.endswith(port)
        assert "Still here tomorrow" in chats(second)
        everything = list(second.children())
        second.signal(signal.SIGKILL)
        second.process.wait()
        assert wait_gone(everything, 5) == []

    with RunningDemo(tmp_path, "--port", port) as third:
        third.wait_ready()
        assert "Still here tomorrow" in chats(third)
        third.signal(signal.SIGTERM)
        assert third.wait_ended() == 0

    (tmp_path / "mine.txt").write_text("not the demo's")
    with RunningDemo(tmp_path, "--port", port, "--fresh") as fourth:
        fourth.wait_ready()
        assert "Still here tomorrow" not in chats(fourth)
    assert (tmp_path / "mine.txt").exists()


@pytest.mark.parametrize("after", ["", "valkey.pid", "cluster.new"])
def test_ctrl_c_while_it_starts_ends_everything(tmp_path: Path, after: str) -> None:
    with RunningDemo(tmp_path / "data", "--port", "0") as running:
        while after and not list(tmp_path.rglob(after)):
            assert running.process.poll() is None
        while not running.children():
            assert running.process.poll() is None
        everything = list(running.children())
        asked = time.monotonic()
        running.signal(signal.SIGINT)
        running.wait_ended()
        assert wait_gone(everything, 1) == []
        assert time.monotonic() - asked < 3
        assert running.output == [] and "Traceback" not in "".join(running.notes)


def test_kill_9_of_make_ends_the_demo_too(tmp_path: Path) -> None:
    # What make does: it starts the demo and waits. The shell stands for it, so that nothing is installed here.
    make = ["sh", "-c", '"$@"; exit $?', "make"]
    with RunningDemo(tmp_path, "--port", "0", env={"MAKELEVEL": "1"}, before=make) as running:
        running.wait_ready()
        everything = list(running.children())
        assert len(everything) > 8
        running.signal(signal.SIGKILL)
        assert wait_gone(everything, 5) == []


def test_your_own_stores(tmp_path: Path, redis_url: str, database_url: str) -> None:
    env = {"PARLEY_REDIS_URL": redis_url, "PARLEY_DATABASE_URL": database_url}
    with RunningDemo(tmp_path, "--port", "0", env=env) as running:
        running.wait_ready()
        write_chat(running, "In my own database")
        assert "In my own database" in chats(running)
        assert not [line for line in running.children().values() if "valkey-server" in line or "postgres" in line]
    assert not (tmp_path / "valkey").exists() and not (tmp_path / "postgres").exists()


def test_an_ordinary_user(tmp_path: Path) -> None:
    before: list[str] = []
    if os.geteuid() == 0:
        tmp_path.chmod(0o777)
        before = [sys.executable, "-I", "-S", str(LAUNCHER), "--identity", f"user:{unprivileged_uid()}", "--"]
    with RunningDemo(tmp_path / "data", "--port", "0", before=before) as running:
        running.wait_ready()
        assert os.stat(f"/proc/{running.process.pid}").st_uid != 0
        write_chat(running, "As myself")
        assert "As myself" in chats(running)
        everything = list(running.children())
    assert wait_gone(everything, 1) == []


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with RunningDemo(tmp_path / "file" / "data", "--port", "0") as running:
        assert running.wait_ended() == 1
    assert running.notes[0].startswith("Error: The data directory") and "--data DIRECTORY" in running.notes[0]


def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    with RunningDemo(tmp_path, "--port", "0", env={"PARLEY_DATABASE_POOL": "many"}) as running:
        assert running.wait_ended() == 1
    assert "PARLEY_DATABASE_POOL" in running.notes[0] and len(running.notes) == 1


def test_a_redis_of_ones_own_that_does_not_answer(tmp_path: Path) -> None:
    env = {"PARLEY_REDIS_URL": "redis://:hidden-password@127.0.0.1:9/0"}
    with RunningDemo(tmp_path, "--port", "0", env=env) as running:
        assert running.wait_ended() == 1
    said = "\n".join(running.notes)
    assert "parley doctor" in said and "hidden-password" not in said and "Traceback" not in said


def test_no_secret_is_written_anywhere_but_where_it_belongs(demo: RunningDemo) -> None:
    demo.bearer(tenant="acme", reader="ann")
    directory = data_of(demo)
    tenants = json.loads((directory / "tenants.json").read_bytes())
    secrets = [key["material"] for tenant in tenants.values() for key in tenant["keys"]]
    secrets.append((directory / "postgres" / "password").read_text().strip())
    texts = [path.read_text(errors="replace") for path in directory.rglob("*.log")]
    texts += [*demo.output, *demo.notes, *demo.children().values()]
    for secret in secrets:
        assert not [text for text in texts if secret in text]


def test_only_the_loopback_interface_is_used(demo: RunningDemo) -> None:
    for pid in [demo.process.pid, *demo.children()]:
        if not is_running(pid):
            continue
        for table in ("tcp", "tcp6"):
            try:
                lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
                inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
            except OSError:
                continue
            for line in lines:
                fields = line.split()
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                    address = bytes.fromhex(fields[1].partition(":")[0])
                    assert socket.inet_ntoa(address[::-1]) == "127.0.0.1"
