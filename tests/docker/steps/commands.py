"""The commands of docs/docker.md."""

import json
import re
import subprocess
import sys
import time
import unittest

from stack import IMAGES, ROOT

from steps.common import TABLES


def topics():
    """Partitions and settings by topic, from deploy/docker/topics.conf."""
    found = {}
    for line in (ROOT / "deploy/docker/topics.conf").read_text().splitlines():
        if line and not line.startswith("#"):
            topic, partitions, *settings = line.split()
            found[topic] = int(partitions), set(settings)
    return found


class Commands:
    def test_01_configuration_is_clean(self):
        shipped = ("-f", "docker-compose.yml")
        for profile in ((), ("--profile", "*")):
            self.assertEqual(self.stack.compose(*shipped, *profile, "config", "--quiet"), "")
        resolved = json.loads(self.stack.compose(*shipped, "--profile", "*", "config", "--format", "json"))
        for name, service in resolved["services"].items():
            with self.subTest(name):
                for port in service.get("ports", []):
                    self.assertEqual(port["host_ip"], "127.0.0.1")
                self.assertNotRegex(service["image"], r":latest$|^[^:]+$", "a version that is pinned")

    def test_02_first_up(self):
        self.stack.compose("--profile", "tools", "build")
        self.log_step("images built")
        self.began = time.monotonic()
        self.stack.compose("up", "-d", "--build")
        self.log_step("first up")
        self.executors_are(2)
        for image in IMAGES:
            found = self.stack.inspect(f"sluice/{image}:{self.stack.tag}")
            self.assertEqual(found["Config"]["Labels"]["org.opencontainers.image.title"], f"sluice-{image}")
            self.assertNotIn(found["Config"]["User"], ("", "0", "root"))
            self.log_step(f"sluice/{image}: {found['Size'] / 1e6:.0f} MB")

    def test_03_executors_size_themselves_by_their_containers(self):
        for container in self.stack.containers("executor"):
            limits = self.stack.inspect(container)["HostConfig"]
            host = self.stack.address(container)
            self.assertEqual(self.stack.executors()[host]["vcores"], max(1, limits["NanoCpus"] // 10**9))
            metrics = self.stack.execute("airflow", "curl", "-sf", f"http://{host}:8081/metrics")
            (memory,) = re.findall(r"^sluice_executor_memory_limit_bytes (\d+)", metrics, re.M)
            self.assertAlmostEqual(int(memory) / limits["Memory"], 0.7, places=3)

    @unittest.skipUnless(sys.platform == "linux" and (ROOT / "deploy/docker/prebuilt/sluice").exists(), "no programs for this machine")
    def test_03_ports_are_open_to_this_machine(self):
        master = f"sluice://127.0.0.1:{self.stack.ports['SCHEDULER_PORT']}"
        subprocess.run([ROOT / "deploy/docker/prebuilt/sluice", "submit-job", "--list", "--master", master], check=True, capture_output=True)
        sent = subprocess.run(
            [ROOT / "deploy/docker/prebuilt/sluice", "produce-events", "user-events", "--bulk", "--count", "100", "--output", "json",
             "--bootstrap-servers", f"localhost:{self.stack.ports['KAFKA_PORT']}"],
            check=False, capture_output=True, text=True,
        )
        self.assertEqual(sent.returncode, 0, sent.stderr)
        type(self).from_outside = 100

    def test_03_topics_are_created_from_the_configuration(self):
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
        # Within one minute: a later step reprocesses this minute.
        # On two busy cores, producing takes a part of it.
        if (second := time.time() % 60) > 20:
            time.sleep(60 - second)
        type(self).minute = int(time.time() // 60)
        # For Airflow in later steps: an interval that is this minute.
        first = self.minute % 60
        self.stack.env["STREAMFLOW_SCHEDULE"] = f"{first},{(first + 1) % 60} * * * *"
        self.stack.execute("airflow", "produce-events", "user-events", "--bulk", "--count", "50000")
        self.stack.execute("airflow", "produce-events", "transaction-events", "--bulk", "--count", "10000")
        self.log_step("produced")
        self.assertEqual(int(time.time() // 60), self.minute)
        runs = [
            self.stack.start("exec", "-T", "airflow", "ingest-landing", "--topic", topic, "--duration", "30")
            for topic in ("user_events", "transaction_events")
        ]
        for run in runs:
            self.stack.finish(run)
        self.log_step("ingested")
        self.assertEqual(self.landed("user_events"), 50_000 + self.from_outside)
        self.assertEqual(self.landed("transaction_events"), 10_000)

    def test_05_submit(self):
        self.submit()
        self.log_step("submitted")
        self.assertEqual(set(self.versions()), TABLES)
        print(self.gold_is_right())
