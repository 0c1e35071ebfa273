"""What the user asks of the demo on the command line. Light to import: the terminal reads it before anything else is there."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wish:
    """What the user said on the command line. `url` is where the shop answers, `prometheus` where it is measured; both may be empty."""

    kubeconfig: Path
    image: str
    good: str = "v1.2.3"
    bad: str = "v1.2.4"
    url: str = ""
    prometheus: str = ""
