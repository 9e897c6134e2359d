"""Executors that are added, removed, killed and paused, and a scheduler that is
restarted and killed, each during a job."""

import time

# Enough for a job that outlasts the changes of containers (debug binaries).
MORE_EVENTS, MORE_TRANSACTIONS = 800_000, 120_000


class Cluster:
    def test_06_new_executors_get_tasks_of_the_running_job(self):
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
        self.log_step(f"four executors {time.monotonic() - began:.1f} s after `up --scale`")
        self.stack.finish(client)
        new = {host: given for host, given in self.tasks_given().items() if host not in old}
        self.assertEqual(len(new), 2)
        self.assertTrue(all(new.values()), f"every new executor got tasks of the job: {new}")
        self.log_step(f"job done, tasks given to the new ones: {sorted(new.values())}")
        self.gold_is_right()

    def test_07_the_next_job_uses_four_executors(self):
        before = self.tasks_given()
        self.submit()
        given = {host: count - before[host] for host, count in self.tasks_given().items()}
        self.assertEqual(len(given), 4)
        self.assertTrue(all(given.values()), f"all four worked: {given}")
        self.log_step(f"tasks given: {sorted(given.values())}")
        self.gold_is_right()

    def test_08_a_killed_executor_container(self):
        client, job = self.submit_from("airflow")
        container = self.one_busy()
        began = time.monotonic()
        self.stack.docker("kill", container)
        self.still_runs(job)
        self.stack.finish(client)
        self.log_step(f"job succeeded {time.monotonic() - began:.1f} s after the kill")
        self.gold_is_right()
        # A container that was killed by hand stays stopped until `up`.
        self.scale(4)
        self.executors_are(4)

    def test_09_a_process_that_dies_is_restarted(self):
        container = self.container_of(next(iter(self.stack.executors())))
        self.stack.docker("exec", container, "bash", "-c", "kill -9 $(</proc/1/task/1/children)")
        self.stack.until("a restart", lambda: self.stack.inspect(container)["RestartCount"] == 1)
        self.executors_are(4)
        self.log_step("four executors again")

    def test_10_an_executor_that_is_cut_off(self):
        client, job = self.submit_from("scheduler")
        container = self.one_busy()
        self.stack.docker("pause", container)
        try:
            self.still_runs(job)
            self.stack.finish(client)
            self.log_step("job succeeded without the paused one")
        finally:
            self.stack.docker("unpause", container)
        self.executors_are(4)
        self.gold_is_right()

    def test_11_scaling_down_drains(self):
        client, job = self.submit_from("scheduler")
        self.still_runs(job)
        self.scale(2)
        self.stack.finish(client)
        self.log_step("job succeeded while two executors were removed")
        self.executors_are(2)
        self.gold_is_right()
        self.assertEqual(len(self.stack.containers("executor", "-a")), 2)

    def test_12_a_restarted_scheduler(self):
        before = self.versions()
        client, job = self.submit_from("airflow")
        self.stack.compose("restart", "scheduler")
        self.log_step("scheduler restarted")
        self.stack.finish(client, code=(0, 7))
        self.executors_are(2)
        code = client.returncode
        state = self.stack.api(f"/api/v1/jobs/{job}")["state"]
        self.log_step(f"submit-job ended with {code}, the job is {state}")
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
        self.stack.finish(client)
        record = self.stack.api(f"/api/v1/jobs/{job}")
        self.assertEqual(record["state"], "SUCCEEDED")
        self.assertEqual(record["restarts"], 1)
        self.assertEqual(self.versions(), {table: version + 1 for table, version in before.items()})
        self.executors_are(2)
        self.log_step("the job ran again by itself, and its tables changed once")
        self.submit()
        self.log_step("the next job succeeded")
        self.assertEqual(self.versions(), {table: version + 2 for table, version in before.items()})
        self.gold_is_right()
