"""The stack of docker-compose.yml on a real Docker engine: see README.md.

The steps build on each other and run in the order of their names.
"""

import atexit
import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

from stack import IMAGES, ROOT, Stack

SUBMIT = (
    "submit-job", "/opt/jobs/landing_to_gold.sql", "--name", "Group7-Pipeline",
    "--master", "sluice://scheduler:50050", "--landing", "/opt/data/landing", "--gold", "/opt/data/gold",
)
TABLES = {"transactions", "user_events", "daily_revenue", "customer_monthly_spent", "cart_to_purchase", "customer_ranked"}
# Enough for a job that runs on while containers come and go (debug binaries).
MORE_EVENTS, MORE_TRANSACTIONS = 800_000, 120_000
PYTHON = os.environ.get("SLUICE_PYTHON", sys.executable)


def topics():
    """What docker/topics.conf asks for: partitions and settings by topic."""
    found = {}
    for line in (ROOT / "docker/topics.conf").read_text().splitlines():
        if line and not line.startswith("#"):
            topic, partitions, *settings = line.split()
            found[topic] = int(partitions), set(settings)
    return found


class TheStack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        # Events that came from outside of Docker.
        cls.from_outside = 0
        # Also after Ctrl-C or SIGTERM, when unittest cleans nothing up.
        atexit.register(cls.stack.remove)
        cls.addClassCleanup(cls.stack.remove)

    def setUp(self):
        self.began = time.monotonic()

    def tell(self, text):
        print(f"  {text} ({time.monotonic() - self.began:.1f} s)", flush=True)

    # What several steps do ------------------------------------------------

    def landed(self, topic):
        """Rows of the topic by its ledger, which must be those of its files."""
        folder = self.stack.data / "landing" / topic
        rows = 0
        for entry in sorted((folder / "_ledger").glob("[0-9]*.json")):
            for part in json.loads(entry.read_text())["body"]["ranges"]:
                if part.get("file"):
                    lines = (folder / part["file"]["path"]).read_bytes().count(b"\n")
                    self.assertEqual(lines, part["rows"], part["file"]["path"])
                    rows += lines
        return rows

    def gold_is_right(self):
        """Gold, read by readers of others, against what landed."""
        compared = subprocess.run(
            [PYTHON, ROOT / "tests/readers/compare.py", self.stack.data / "landing", self.stack.data / "gold", "--allow-stray"],
            capture_output=True, text=True, check=False,
        )
        self.assertEqual(compared.returncode, 0, compared.stdout + compared.stderr)
        return compared.stdout

    def versions(self):
        """The newest version of each table."""
        logs = (self.stack.data / "gold").glob("*/_delta_log/*.json")
        newest = {}
        for log in logs:
            table = log.parent.parent.name
            newest[table] = max(newest.get(table, -1), int(log.stem))
        return newest

    def submit(self):
        return self.stack.execute("scheduler", *SUBMIT)

    def submit_from(self, service):
        """Starts the job and returns when executors are at work on it."""
        before = {job["job_id"] for job in self.stack.api("/api/v1/jobs")["jobs"]}
        client = self.stack.start("exec", "-T", service, *SUBMIT)
        self.addCleanup(client.stdout.close)

        def at_work():
            busy = any(each["vcores_free"] < each["vcores"] for each in self.stack.executors().values())
            new = [job for job in self.stack.api("/api/v1/jobs")["jobs"] if job["job_id"] not in before]
            return new[0]["job_id"] if new and busy and new[0]["state"] == "RUNNING" else None

        return client, self.stack.until("the job runs", at_work, 30)

    def tasks_given(self):
        return {host: each["tasks_given"] for host, each in self.stack.executors().items()}

    def container_of(self, host):
        """The container of the executor with this address."""
        (container,) = [c for c in self.stack.containers("executor") if self.stack.address(c) == host]
        return container

    def one_at_work(self):
        """The container of an executor that runs a task now."""

        def busy():
            return [host for host, each in self.stack.executors().items() if each["vcores_free"] < each["vcores"]]

        return self.container_of(self.stack.until("an executor at work", busy, 30)[0])

    def still_runs(self, job):
        self.assertEqual(self.stack.api(f"/api/v1/jobs/{job}")["state"], "RUNNING", "it was in mid-job")

    def scale(self, count):
        self.stack.compose("up", "-d", "--no-recreate", "--scale", f"executor={count}")

    def executors_are(self, count, seconds=60):
        self.stack.until(f"{count} executors", lambda: len(self.stack.executors()) == count, seconds)

    def airflow(self, path, body=None, token=None, method=None):
        """The status and the document that Airflow's API answers with."""
        url = f"http://127.0.0.1:{self.stack.ports['AIRFLOW_PORT']}{path}"
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, None

    def airflow_token(self):
        password = self.stack.execute("airflow", "cat", "/run/sluice/airflow-password").strip()
        status, answer = self.airflow("/auth/token", {"username": "admin", "password": password})
        self.assertEqual(status, 201)
        return answer["access_token"]

    # The steps --------------------------------------------------------------

    def test_01_configuration_is_clean(self):
        for profile in ((), ("--profile", "*")):
            self.assertEqual(self.stack.compose(*profile, "config", "--quiet"), "")
        resolved = json.loads(self.stack.compose("--profile", "*", "config", "--format", "json"))
        for name, service in resolved["services"].items():
            with self.subTest(name):
                for port in service.get("ports", []):
                    self.assertEqual(port["host_ip"], "127.0.0.1")
                self.assertNotRegex(service["image"], r":latest$|^[^:]+$", "a version that is pinned")

    def test_02_first_up(self):
        self.stack.compose("build")
        self.tell("images built")
        self.began = time.monotonic()
        self.stack.compose("up", "-d", "--build")
        self.tell("first up")
        self.executors_are(2)
        for image in IMAGES:
            found = self.stack.inspect(f"sluice/{image}:{self.stack.tag}")
            self.assertEqual(found["Config"]["Labels"]["org.opencontainers.image.title"], f"sluice-{image}")
            self.assertNotIn(found["Config"]["User"], ("", "0", "root"))
            self.tell(f"sluice/{image}: {found['Size'] / 1e6:.0f} MB")

    def test_03_executors_offer_what_their_containers_have(self):
        for container in self.stack.containers("executor"):
            limits = self.stack.inspect(container)["HostConfig"]
            host = self.stack.address(container)
            self.assertEqual(self.stack.executors()[host]["vcores"], max(1, limits["NanoCpus"] // 10**9))
            metrics = self.stack.execute("airflow", "curl", "-sf", f"http://{host}:8081/metrics")
            (memory,) = re.findall(r"^sluice_executor_memory_limit_bytes (\d+)", metrics, re.M)
            self.assertAlmostEqual(int(memory) / limits["Memory"], 0.7, places=3)

    @unittest.skipUnless(sys.platform == "linux" and (ROOT / "docker/prebuilt/submit-job").exists(), "no programs for this machine")
    def test_03_ports_are_open_to_this_machine(self):
        master = f"sluice://127.0.0.1:{self.stack.ports['SCHEDULER_PORT']}"
        subprocess.run([ROOT / "docker/prebuilt/submit-job", "--list", "--master", master], check=True, capture_output=True)
        sent = subprocess.run(
            [ROOT / "docker/prebuilt/produce-events", "user-events", "--bulk", "--count", "100", "--output", "json",
             "--bootstrap-servers", f"localhost:{self.stack.ports['KAFKA_PORT']}"],
            check=False, capture_output=True, text=True,
        )
        self.assertEqual(sent.returncode, 0, sent.stderr)
        type(self).from_outside = 100

    def test_03_topics_are_made_on_purpose(self):
        listed = self.stack.execute(
            "kafka", "/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "localhost:9092",
            "--describe", "--exclude-internal",
        )
        found = {}
        for line in listed.splitlines():
            if match := re.match(r"Topic: (\S+)\t.*PartitionCount: (\d+)\t.*Configs: (\S*)", line):
                found[match[1]] = int(match[2]), set(match[3].split(","))
        self.assertEqual(set(found), set(topics()))
        for topic, (partitions, settings) in topics().items():
            self.assertEqual(found[topic][0], partitions)
            self.assertLessEqual(settings, found[topic][1])

    def test_04_produce_and_ingest(self):
        self.stack.execute("airflow", "produce-events", "user-events", "--bulk", "--count", "50000")
        self.stack.execute("airflow", "produce-events", "transaction-events", "--bulk", "--count", "10000")
        self.tell("produced")
        runs = [
            self.stack.start("exec", "-T", "airflow", "ingest-landing", "--topic", topic, "--duration", "30")
            for topic in ("user_events", "transaction_events")
        ]
        for run in runs:
            self.stack.finish(run)
        self.tell("ingested")
        self.assertEqual(self.landed("user_events"), 50_000 + self.from_outside)
        self.assertEqual(self.landed("transaction_events"), 10_000)

    def test_05_submit(self):
        self.submit()
        self.tell("submitted")
        self.assertEqual(set(self.versions()), TABLES)
        print(self.gold_is_right())

    def test_06_executors_that_come_get_tasks_of_the_running_job(self):
        more = ("--duplicate-permille", "20", "--malformed-permille", "5", "--late-permille", "10")
        for kind, count in (("user-events", MORE_EVENTS), ("transaction-events", MORE_TRANSACTIONS)):
            self.stack.execute("airflow", "produce-events", kind, "--bulk", "--count", str(count), *more)
        self.stack.execute(
            "airflow", "ingest-landing", "--topic", "user_events", "--topic", "transaction_events", "--until-caught-up"
        )
        self.assertGreater(self.landed("user_events"), 50_000 + MORE_EVENTS * 0.98)
        old = set(self.stack.executors())
        client, _ = self.submit_from("scheduler")
        began = time.monotonic()
        self.scale(4)
        self.executors_are(4)
        self.tell(f"four executors {time.monotonic() - began:.1f} s after `up --scale`")
        self.stack.finish(client)
        new = {host: given for host, given in self.tasks_given().items() if host not in old}
        self.assertEqual(len(new), 2)
        self.assertTrue(all(new.values()), f"every new executor got tasks of the job: {new}")
        self.tell(f"job done, tasks given to the new ones: {sorted(new.values())}")
        self.gold_is_right()

    def test_07_the_next_job_uses_four_executors(self):
        before = self.tasks_given()
        self.submit()
        given = {host: count - before[host] for host, count in self.tasks_given().items()}
        self.assertEqual(len(given), 4)
        self.assertTrue(all(given.values()), f"all four worked: {given}")
        self.tell(f"tasks given: {sorted(given.values())}")
        self.gold_is_right()

    def test_08_a_killed_executor_container(self):
        client, job = self.submit_from("airflow")
        container = self.one_at_work()
        began = time.monotonic()
        self.stack.docker("kill", container)
        self.still_runs(job)
        self.stack.finish(client)
        self.tell(f"job succeeded {time.monotonic() - began:.1f} s after the kill")
        self.gold_is_right()
        # A container that somebody killed stays so until somebody says `up`.
        self.scale(4)
        self.executors_are(4)

    def test_09_a_process_that_dies_is_started_again(self):
        container = self.container_of(next(iter(self.stack.executors())))
        self.stack.docker("exec", container, "bash", "-c", "kill -9 $(</proc/1/task/1/children)")
        self.stack.until("a restart", lambda: self.stack.inspect(container)["RestartCount"] == 1)
        self.executors_are(4)
        self.tell("four executors again")

    def test_10_an_executor_that_is_cut_off(self):
        client, job = self.submit_from("scheduler")
        container = self.one_at_work()
        self.stack.docker("pause", container)
        try:
            self.still_runs(job)
            self.stack.finish(client)
            self.tell("job succeeded without the paused one")
        finally:
            self.stack.docker("unpause", container)
        self.executors_are(4)
        self.gold_is_right()

    def test_11_scaling_down_drains(self):
        client, job = self.submit_from("scheduler")
        self.still_runs(job)
        self.scale(2)
        self.stack.finish(client)
        self.tell("job succeeded while two executors left")
        self.executors_are(2)
        self.gold_is_right()
        self.assertEqual(len(self.stack.containers("executor", "-a")), 2)

    def test_12_a_restarted_scheduler(self):
        before = self.versions()
        client, job = self.submit_from("airflow")
        self.stack.compose("restart", "scheduler")
        self.tell("scheduler restarted")
        self.stack.finish(client, code=(0, 7))
        self.executors_are(2)
        code = client.returncode
        state = self.stack.api(f"/api/v1/jobs/{job}")["state"]
        self.tell(f"submit-job ended with {code}, the job is {state}")
        self.assertEqual(state, "SUCCEEDED" if code == 0 else "INTERRUPTED")
        if code == 7:
            self.assertEqual(self.versions(), before)
        self.gold_is_right()

    def test_13_a_killed_scheduler(self):
        before = self.versions()
        client, job = self.submit_from("airflow")
        (scheduler,) = self.stack.containers("scheduler")
        self.still_runs(job)
        self.stack.docker("kill", scheduler)
        self.stack.docker("start", scheduler)
        self.stack.finish(client, code=7)
        state = self.stack.api(f"/api/v1/jobs/{job}")["state"]
        self.assertEqual(state, "INTERRUPTED")
        self.assertEqual(self.versions(), before)
        self.executors_are(2)
        self.tell("interrupted, nothing half written")
        self.submit()
        self.tell("the next job succeeded")
        self.assertEqual(self.versions(), {table: version + 1 for table, version in before.items()})
        self.gold_is_right()

    def test_14_airflow(self):
        self.stack.compose("up", "-d", "--no-recreate", "--wait", "--wait-timeout", "300")
        self.tell("everything healthy")
        self.assertEqual(self.airflow("/auth/token", {"username": "admin", "password": "admin"})[0], 401)
        token = self.airflow_token()
        status, found = self.airflow("/api/v2/importErrors", token=token)
        self.assertEqual((status, found["total_entries"]), (200, 0), found)

    def test_14_the_pipeline_in_airflow(self):
        token = self.airflow_token()
        dag = "/api/v2/dags/streamflow_main"
        before = self.versions()
        # A Dag that is no longer paused has a run for the hour before at once.
        status, _ = self.airflow(dag, {"is_paused": False}, token=token, method="PATCH")
        self.assertEqual(status, 200)

        def ended():
            _, found = self.airflow(f"{dag}/dagRuns", token=token)
            return [run for run in found["dag_runs"] if run["state"] in ("success", "failed")]

        run = self.stack.until("a run of streamflow_main", ended, 400)[0]
        _, tasks = self.airflow(f"{dag}/dagRuns/{run['dag_run_id']}/taskInstances", token=token)
        states = {task["task_id"]: task["state"] for task in tasks["task_instances"]}
        self.assertEqual(run["state"], "success", states)
        self.assertEqual(states["load_gold"], "success", states)
        self.tell(f"streamflow_main: {sum(state == 'success' for state in states.values())} tasks succeeded")
        self.airflow(dag, {"is_paused": True}, token=token, method="PATCH")
        after = self.versions()
        self.assertTrue(all(after[table] > before[table] for table in TABLES), (before, after))
        self.gold_is_right()

    def test_15_the_dashboard_shows_metrics_that_exist(self):
        dashboard = (ROOT / "docker/grafana/dashboards/sluice.json").read_text()
        named = set(re.findall(r"sluice_(?:scheduler|executor)_\w+", dashboard))
        self.assertGreater(len(named), 10)
        served = self.stack.execute("airflow", "curl", "-sf", "http://scheduler:8080/metrics", "http://executor:8081/metrics")
        there = set(re.findall(r"^(sluice_\w+)", served, re.M))
        self.assertLessEqual(named, there)

    def test_16_second_up(self):
        jobs = len(self.stack.api("/api/v1/jobs")["jobs"])
        secrets = self.stack.execute("airflow", "sh", "-c", "sha256sum /run/sluice/*")
        landed = self.landed("user_events")
        self.stack.compose("stop")
        self.tell("stopped")
        ended = {name: self.stack.inspect(c)["State"]["ExitCode"] for name in ("scheduler", "executor", "airflow", "postgres")
                 for c in self.stack.containers(name, "-a")}
        self.assertEqual(set(ended.values()), {0}, ended)
        self.began = time.monotonic()
        self.stack.compose("up", "-d")
        self.tell("second up")
        self.executors_are(2)
        self.tell("executors registered")
        self.assertEqual(len(self.stack.api("/api/v1/jobs")["jobs"]), jobs)
        self.assertEqual(self.stack.execute("airflow", "sh", "-c", "sha256sum /run/sluice/*"), secrets)
        self.stack.execute("airflow", "ingest-landing", "--topic", "user_events", "--until-caught-up")
        self.assertEqual(self.landed("user_events"), landed)


class Progress(unittest.TextTestResult):
    """Says which step begins, and after a failure what the services said."""

    def startTest(self, test):
        print(test.id().rsplit(".", 1)[1], flush=True)
        super().startTest(test)

    def logs(self, test):
        print(test.stack.compose("logs", "--no-color", "--tail", "60", "scheduler", "executor"), flush=True)

    def addError(self, test, err):
        self.logs(test)
        super().addError(test, err)

    def addFailure(self, test, err):
        self.logs(test)
        super().addFailure(test, err)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    unittest.main(failfast=True, testRunner=unittest.TextTestRunner(resultclass=Progress, failfast=True, verbosity=0))
