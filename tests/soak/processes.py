"""Processes that are started, measured, killed and started again."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from growth import Life, Measurement


class Process:
    """A process of ours, its lives, and what it held over time."""

    def __init__(self, name: str, kind: str, command: list[str], log: Path, announces: bool) -> None:
        self.name = name
        self.kind = kind
        self.command = command
        self.log = log
        self.announces = announces
        self.lives: list[Life] = []
        self.announced = ""
        self.start()

    def start(self) -> None:
        self.lives.append(Life(self.name))
        self.started = time.monotonic()
        with self.log.open("ab") as log:
            out = subprocess.PIPE if self.announces else log
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        if self.announces:
            assert self.child.stdout is not None
            self.announced = self.child.stdout.readline().decode()
            if " listening " not in self.announced:
                raise SystemExit(f"{self.name} does not start, see {self.log}")

    def value(self, key: str) -> str:
        """What it announced under a key, such as the address of its HTTP port."""
        return next(word for word in self.announced.split() if word.startswith(f"{key}=")).split("=", 1)[1]

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @property
    def age(self) -> float:
        return time.monotonic() - self.started

    def measure(self, work: float, allocated: int | None = None) -> Measurement | None:
        """What it holds now; None when it has ended."""
        try:
            status = Path(f"/proc/{self.child.pid}/status").read_text()
            descriptors = len(os.listdir(f"/proc/{self.child.pid}/fd"))
        except OSError:
            return None
        kib = next((line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")), None)
        if kib is None:
            return None
        return Measurement(self.age, work, int(kib) * 1024, descriptors, allocated)

    def sample(self, work: float) -> None:
        measurement = self.measure(work)
        if measurement is not None:
            self.life.samples.append(measurement)

    def allocated_bytes(self) -> int | None:
        """What it reports to have allocated and not freed."""
        address = self.value("http")
        try:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
                lines = answer.read().decode().splitlines()
        except (OSError, urllib.error.URLError):
            return None
        metric = f"sluice_{self.kind}_allocated_memory_bytes "
        return next((int(float(line.split()[1])) for line in lines if line.startswith(metric)), None)

    def open_files(self) -> dict[str, int]:
        """How many descriptors of each kind it has."""
        kinds: dict[str, int] = {}
        for descriptor in Path(f"/proc/{self.child.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                target = os.readlink(descriptor)
                kind = target if target.startswith("/") else target.split(":", 1)[0]
                kinds[kind] = kinds.get(kind, 0) + 1
        return kinds

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()

    def stop(self, number: int, seconds: float) -> int | None:
        """Asks it to end; gives its exit code, or None when it did not end."""
        self.child.send_signal(number)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


def wait_until(deadline: float, condition: Callable[[], bool]) -> bool:
    """Whether the condition holds before the deadline."""
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return holds
