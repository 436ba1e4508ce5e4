"""What the user chose."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """`port`: the wanted public port. `directory`: where the data is kept. `fresh`: begin with none."""

    port: int
    directory: Path
    fresh: bool = False
