"""Shared by several steps."""

import json
import subprocess
import sys
import time

from stack import ROOT

SUBMIT = (
    "submit-job", "/opt/jobs/landing_to_gold.sql", "--name", "Group7-Pipeline",
    "--master", "sluice://scheduler:50050", "--landing", "/opt/data/landing", "--gold", "/opt/data/gold",
)
TABLES = {"transactions", "user_events", "daily_revenue", "customer_monthly_spent", "cart_to_purchase", "customer_ranked"}


class Common:
    """`stack` is the stack, `began` the start time of the step."""

    def log_step(self, text):
        print(f"  {text} ({time.monotonic() - self.began:.1f} s)", flush=True)

    def landed(self, topic, landing=None):
        """Rows of the topic by its ledger, which must equal those of its files."""
        folder = (landing or self.stack.data / "landing") / topic
        rows = 0
        for entry in sorted((folder / "_ledger").glob("[0-9]*.json")):
            for part in json.loads(entry.read_text())["body"]["ranges"]:
                if part.get("file"):
                    lines = (folder / part["file"]["path"]).read_bytes().count(b"\n")
                    self.assertEqual(lines, part["rows"], part["file"]["path"])
                    rows += lines
        return rows

    def compare(self, landing, gold):
        """Compares gold, as independent readers see it, with landing."""
        compared = subprocess.run(
            [sys.executable, ROOT / "tests/readers/compare.py", landing, gold, "--allow-stray"],
            capture_output=True, text=True, check=False,
        )
        self.assertEqual(compared.returncode, 0, compared.stdout + compared.stderr)
        return compared.stdout

    def gold_is_right(self):
        return self.compare(self.stack.data / "landing", self.stack.data / "gold")

    def versions(self, gold="gold"):
        """The newest version of each table."""
        logs = (self.stack.data / gold).glob("*/_delta_log/*.json")
        newest = {}
        for log in logs:
            table = log.parent.parent.name
            newest[table] = max(newest.get(table, -1), int(log.stem))
        return newest

    def submit(self):
        return self.stack.execute("scheduler", *SUBMIT)

    def submit_from(self, service):
        """Starts the job and returns when executors are working on it."""
        before = {job["job_id"] for job in self.stack.api("/api/v1/jobs")["jobs"]}
        client = self.stack.start("exec", "-T", service, *SUBMIT)
        self.addCleanup(client.stdout.close)

        def working():
            busy = any(each["vcores_free"] < each["vcores"] for each in self.stack.executors().values())
            new = [job for job in self.stack.api("/api/v1/jobs")["jobs"] if job["job_id"] not in before]
            return new[0]["job_id"] if new and busy and new[0]["state"] == "RUNNING" else None

        return client, self.stack.until("the job runs", working)

    def tasks_given(self):
        return {host: each["tasks_given"] for host, each in self.stack.executors().items()}

    def container_of(self, host):
        """The container of the executor with this address."""
        (container,) = [c for c in self.stack.containers("executor") if self.stack.address(c) == host]
        return container

    def one_busy(self):
        """The container of an executor that is running a task."""

        def busy():
            return [host for host, each in self.stack.executors().items() if each["vcores_free"] < each["vcores"]]

        return self.container_of(self.stack.until("a busy executor", busy)[0])

    def still_runs(self, job):
        self.assertEqual(self.stack.api(f"/api/v1/jobs/{job}")["state"], "RUNNING", "the job is still running")

    def scale(self, count):
        self.stack.compose("up", "-d", "--no-recreate", "--scale", f"executor={count}")

    def executors_are(self, count):
        self.stack.until(f"{count} executors", lambda: len(self.stack.executors()) == count)
