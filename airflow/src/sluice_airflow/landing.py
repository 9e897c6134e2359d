"""Runs the program `ingest-landing` and reads its output."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from airflow.sdk.exceptions import AirflowSkipException

from sluice_airflow.errors import SluiceError, SluiceFailError

PROGRAM = "ingest-landing"

NOT_COMPLETE = 13
"""`status --complete-to`: the topic is not complete yet."""

# Codes that a retry cannot fix; docs/exit-codes.md has their meanings.
_FINAL: dict[int, str] = {
    2: "invalid",
    3: "damaged",
    8: "not_found",
    10: "data_lost",
    11: "topic_recreated",
    12: "offsets_backwards",
}
_RETRYABLE: dict[int, str] = {
    1: "transient",
    4: "unavailable",
    5: "killed",
    9: "storage",
    NOT_COMPLETE: "not_complete",
}

_ERROR_LINES = 20

# Names of settings whose values are secrets, as in the program itself.
_SECRET = re.compile(
    r"secret|password|passwd|passphrase|token|credential|access_key|private_key|api_key"
    r"|key_pem|jaas|oauthbearer_config"
)
# A value in a URL's authority, such as `user:password@`.
_URL_SECRET = re.compile(r"://[^/?#\s]*@")


@dataclass(frozen=True)
class Finished:
    """How a run of the program ended."""

    code: int
    document: Any
    """The JSON that it printed; `None` if it printed nothing."""
    errors: str
    """The last lines that it wrote to standard error."""


def kafka_options(
    bootstrap_servers: str | None,
    properties_file: str | None,
    conf: Mapping[str, Any] | None,
) -> list[str]:
    """The options for the connection to the brokers. A secret is an error: every
    user of the machine can read the command line of a process."""
    options: list[str] = []
    if bootstrap_servers:
        options += ["--bootstrap-servers", bootstrap_servers]
    if properties_file:
        options += ["--kafka-properties", properties_file]
    for key, value in (conf or {}).items():
        plain = key.lower().replace(".", "_").replace("-", "_")
        is_file = plain.endswith(("_file", "_uri"))
        if (_SECRET.search(plain) and not is_file) or _URL_SECRET.search(str(value)):
            raise SluiceFailError(
                f"the Kafka setting '{key}' is a secret and would be visible on the command line; "
                "put it into a properties file and give that as kafka_properties",
                "invalid",
            )
        options += ["--kafka-conf", f"{key}={value}"]
    return options


class LandingProgram:
    """Runs the program in a child process, one run at a time.

    :param binary: the program's name on the `PATH`, or its path
    :param log_line: is called with each line that the program writes to standard error
    :param environment: variables of the program in addition to those of this process
    """

    def __init__(
        self,
        binary: str,
        log_line: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.binary = binary
        self._log_line = log_line
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[str] | None = None
        self.stopped = False

    def run(self, arguments: Sequence[str]) -> Finished:
        """Runs it to its end."""
        command = [self.binary, *arguments]
        self._log_line("$ " + shlex.join(command))
        if self.stopped:
            raise SluiceError("the task was ended before the program started", "killed")
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **self._environment},
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise SluiceFailError(
                f"cannot start {self.binary}: {error}; install it on the worker", "invalid"
            ) from error
        self._process = process
        if self.stopped:
            # The signal came while the process started.
            process.send_signal(signal.SIGTERM)
        printed: list[str] = []
        reader = threading.Thread(target=_read, args=(process.stdout, printed), daemon=True)
        reader.start()
        errors: deque[str] = deque(maxlen=_ERROR_LINES)
        assert process.stderr is not None
        for line in process.stderr:
            errors.append(line.rstrip("\n"))
            self._log_line(line.rstrip("\n"))
        code = process.wait()
        reader.join()
        return Finished(code, _document("".join(printed)), "\n".join(errors))

    def stop(self) -> None:
        """Asks the program to end gracefully: it commits the records that it has
        read first. May be called from a signal handler; `run` waits for the end."""
        self.stopped = True
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)


def _read(stream: IO[str] | None, into: list[str]) -> None:
    if stream is not None:
        into.append(stream.read())


def _document(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise SluiceFailError(f"{PROGRAM} printed something that is not JSON: {error}") from error


def raise_for_code(finished: Finished, what: str, skip_on: Collection[int] = ()) -> NoReturn:
    """Ends the task as the exit code requires."""
    code = finished.code
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        raise SluiceError(f"{what} was ended by {name}; uncommitted records have not landed", "killed")
    kind = _FINAL.get(code) or _RETRYABLE.get(code, "unspecified")
    message = f"{what} ended with {code} ({kind}): {_message(finished.errors)}"
    if code in skip_on:
        raise AirflowSkipException(message)
    if code in _FINAL:
        raise SluiceFailError(message, kind)
    raise SluiceError(message, kind)


def _message(errors: str) -> str:
    """The program's error lines, or else its last lines."""
    own = [line for line in errors.splitlines() if line.startswith("error")]
    return "\n".join(own) or errors or "it printed nothing"
