"""A stack of docker-compose.yml for a test, with its own project, ports, images
and data folder, so that it does not affect other stacks on this machine."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PORTS = ("SCHEDULER_PORT", "SCHEDULER_HTTP_PORT", "AIRFLOW_PORT", "KAFKA_PORT", "S3_PORT")
IMAGES = ("scheduler", "executor", "tools", "airflow")


def free_ports(count):
    """Ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def is_available(image):
    """Whether the image is here or can be pulled."""

    def works(*command):
        return subprocess.run(["docker", *command], capture_output=True, check=False).returncode == 0

    return works("image", "inspect", image) or works("pull", image)


def versions():
    """The variables of .env."""
    lines = (ROOT / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


class Stack:
    def __init__(self):
        self.data = Path(tempfile.mkdtemp(prefix="sluice-stack-"))
        self.data.chmod(0o755)
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.tag = f"test-{os.getpid()}"
        self.s3_keys = self.data / "s3.env"
        files = ["docker-compose.yml", "tests/docker/compose.yml"]
        s3 = f"chrislusf/seaweedfs:{versions()['SEAWEEDFS_VERSION']}"
        if not is_available(s3):
            print(f"*** {s3} is not available: the profile s3 is tested with a stand-in", flush=True)
            files.append("tests/docker/s3.yml")
        self.env = os.environ | {
            "COMPOSE_PROJECT_NAME": f"sluice-{self.tag}",
            "COMPOSE_ANSI": "never",
            "COMPOSE_FILE": os.pathsep.join(files),
            "SLUICE_VERSION": self.tag,
            "SLUICE_BINARIES": os.environ.get("SLUICE_BINARIES", "prebuilt"),
            # The user who runs the test must be able to delete its files.
            "SLUICE_UID": str(os.getuid() or 50000),
            "DATA_DIR": str(self.data),
            "S3_ENV_FILE": str(self.s3_keys),
            # Half a core each: jobs last long enough for `up --scale`, which
            # takes about 9 s, on fast machines too.
            "EXECUTOR_CPUS": "0.5",
            **{name: str(port) for name, port in self.ports.items()},
        }

    def start(self, *arguments, **more):
        """Starts `docker compose …` and does not wait for it."""
        return subprocess.Popen(
            ["docker", "compose", *arguments],
            cwd=ROOT, env=self.env, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more,
        )

    def compose(self, *arguments, code=0, timeout=900):
        """Runs `docker compose …` to its end and returns what it printed."""
        return self.finish(self.start(*arguments), code, timeout)

    def finish(self, process, code=0, timeout=900):
        try:
            out, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
            raise AssertionError(f"{process.args} did not end in {timeout} s:\n{out}") from None
        codes = code if isinstance(code, tuple) else (code,)
        if process.returncode not in codes:
            raise AssertionError(f"{process.args} ended with {process.returncode}, not {codes}:\n{out}")
        return out

    def execute(self, service, *command, **more):
        """Runs a command in a service's container, as users do."""
        return self.compose("exec", "-T", service, *command, **more)

    def containers(self, service, *more):
        """Ids of the service's containers."""
        return self.compose("ps", "-q", *more, service).split()

    def inspect(self, container):
        found = subprocess.run(["docker", "inspect", container], check=True, capture_output=True, text=True)
        return json.loads(found.stdout)[0]

    def address(self, container):
        (network,) = self.inspect(container)["NetworkSettings"]["Networks"].values()
        return network["IPAddress"]

    def docker(self, *arguments):
        subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True)

    def api(self, path):
        """A response of the scheduler's JSON API."""
        url = f"http://127.0.0.1:{self.ports['SCHEDULER_HTTP_PORT']}{path}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)

    def executors(self):
        """Active executors by address; none while the scheduler is not reachable."""
        try:
            found = self.api("/api/v1/executors")["executors"]
        except OSError:
            return {}
        return {each["host"]: each for each in found if each["state"] == "active"}

    def until(self, what, condition, seconds=300):
        """Waits until `condition` returns something true, and returns that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if result := condition():
                return result
            time.sleep(0.1)
        raise AssertionError(f"timed out after {seconds} s: {what}\n{self.compose('ps', '-a')}")

    def remove(self):
        """Removes everything: containers, volumes, network, images, data."""
        if not self.data.exists():
            return
        self.compose("--profile", "*", "down", "-v", "--remove-orphans", "--timeout", "5")
        for image in (*IMAGES, "s3-stand-in"):
            subprocess.run(["docker", "rmi", "-f", f"sluice/{image}:{self.tag}"], capture_output=True, check=False)
        shutil.rmtree(self.data)
