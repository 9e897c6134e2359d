"""The dashboard, and a restart of the whole stack."""

import re
import time

from stack import ROOT


class Restart:
    def test_40_the_dashboard_shows_metrics_that_exist(self):
        dashboard = (ROOT / "deploy/docker/grafana/dashboards/sluice.json").read_text()
        named = set(re.findall(r"sluice_(?:scheduler|executor)_\w+", dashboard))
        self.assertGreater(len(named), 10)
        served = self.stack.execute("airflow", "curl", "-sf", "http://scheduler:8080/metrics", "http://executor:8081/metrics")
        there = set(re.findall(r"^(sluice_\w+)", served, re.M))
        self.assertLessEqual(named, there)

    def test_41_second_up(self):
        jobs = len(self.stack.api("/api/v1/jobs")["jobs"])
        secrets = self.stack.execute("airflow", "sh", "-c", "sha256sum /run/sluice/*")
        landed = self.landed("user_events")
        self.stack.compose("stop")
        self.log_step("stopped")
        ended = {name: self.stack.inspect(c)["State"]["ExitCode"] for name in ("scheduler", "executor", "airflow", "postgres")
                 for c in self.stack.containers(name, "-a")}
        self.assertEqual(set(ended.values()), {0}, ended)
        self.began = time.monotonic()
        self.stack.compose("up", "-d")
        self.log_step("second up")
        self.executors_are(2)
        self.log_step("executors registered")
        self.assertEqual(len(self.stack.api("/api/v1/jobs")["jobs"]), jobs)
        self.assertEqual(self.stack.execute("airflow", "sh", "-c", "sha256sum /run/sluice/*"), secrets)
        self.stack.execute("airflow", "ingest-landing", "--topic", "user_events", "--until-caught-up")
        self.assertEqual(self.landed("user_events"), landed)
