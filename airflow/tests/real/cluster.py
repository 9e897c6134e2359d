"""A scheduler and two executors as processes."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path


class Cluster:
    """Runs inside a `with` block; each process takes free ports."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.folder = folder
        self.grpc = self.http = ""
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Cluster:
        try:
            line = self._start("scheduler", "--bind", "127.0.0.1:0", "--http", "127.0.0.1:0",
                               "--state-dir", str(self.folder / "state"))  # fmt: skip
            self.grpc, self.http = re.findall(r"127\.0\.0\.1:\d+", line)
            for number in (1, 2):
                self._start("executor", "--scheduler", self.grpc, "--vcores", "1",
                            "--work-dir", str(self.folder / f"executor-{number}"))  # fmt: skip
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self, name: str, *arguments: str) -> str:
        """Starts a program and waits for the line with its addresses."""
        with (self.folder / f"{name}.log").open("a") as log:
            process = subprocess.Popen(
                [self.programs / name, *arguments], stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._processes.append(process)
        assert process.stdout is not None
        return process.stdout.readline()

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def connection(self) -> str:
        """The connection in the format of Airflow's environment variables."""
        host, port = self.grpc.rsplit(":", 1)
        return json.dumps(
            {
                "conn_type": "sluice",
                "host": host,
                "port": int(port),
                "extra": {"http_url": f"http://{self.http}"},
            }
        )
