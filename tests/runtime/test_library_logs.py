"""What libraries log comes out like everything else: one JSON line each, and none of their words."""

import json
import subprocess
import sys
from pathlib import Path

ROOM = Path(__file__).parents[2] / "common"

PROGRAM = """
import logging
from parley_runtime.telemetry import configure_logging
configure_logging("info")
try:
    raise ConnectionRefusedError("postgresql://user:secret@host/parley")
except OSError:
    logging.getLogger("asyncpg.pool").warning("secret %s", "secret", exc_info=True)
logging.getLogger("asyncio").error("secret")
logging.getLogger("asyncio").info("not worth a line")
"""


def test_a_library_logs_one_line_of_json_without_its_words() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"PYTHONPATH": str(ROOM)}, capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line.pop("at")[-1] for line in lines] == ["Z", "Z"]
    assert lines == [
        {
            "event": "asyncpg.pool",
            "level": "warning",
            "problem": "ConnectionRefusedError",
            "where": ["<string>:6 <module>"],
        },
        {"event": "asyncio", "level": "error"},
    ]
