"""Airflow: the pipeline, and tasks whose worker dies or that are ended by hand."""

from datetime import UTC, datetime

from airflow_api import AirflowApi
from steps.common import TABLES

GOLD = "gold-airflow"
"""The folder of the tables of Airflow's pipeline."""


class Airflow:
    @property
    def airflow(self):
        api = AirflowApi(self.stack)
        api.log_in()
        return api

    def healthy(self):
        self.stack.compose("up", "-d", "--no-recreate", "--wait", "--wait-timeout", "300")
        self.log_step("everything healthy")

    def jobs_of(self, name):
        return [job for job in self.stack.api("/api/v1/jobs")["jobs"] if job["name"] == name]

    def runs_alone(self, dag):
        """The id of the only job of this name, when it is running."""

        def running():
            jobs = self.jobs_of(dag)
            return jobs[0]["job_id"] if jobs and jobs[0]["state"] == "RUNNING" else None

        job = self.stack.until(f"the job of {dag}", running)
        self.assertEqual(len(self.jobs_of(dag)), 1)
        return job

    def is_killed(self, job, dag):
        """The job has stopped, nothing of it is in gold, and no retry started
        another one."""
        self.stack.until("the job's end", lambda: self.stack.api(f"/api/v1/jobs/{job}")["state"] == "KILLED")
        self.stack.until(
            "idle executors",
            lambda: all(each["vcores_free"] == each["vcores"] for each in self.stack.executors().values()),
        )
        self.assertEqual([each["job_id"] for each in self.jobs_of(dag)], [job])
        self.assertEqual(list((self.stack.data / "endless").glob("*/_delta_log/*.json")), [])

    def test_20_airflow(self):
        self.healthy()
        wrong_password = {"username": "admin", "password": "admin"}
        self.assertEqual(AirflowApi(self.stack).status("POST", "/auth/token", wrong_password)[0], 401)
        found = self.airflow.get("/importErrors")
        self.assertEqual(found["total_entries"], 0, found)

    def gold_of_airflow_is_right(self):
        print(self.compare(self.stack.data / "landing", self.stack.data / GOLD))

    def test_21_the_pipeline(self):
        airflow = self.airflow
        # When a DAG is unpaused, Airflow starts a run for the previous interval.
        airflow.pause("streamflow_main", False)
        run = self.stack.until("a run", lambda: airflow.runs("streamflow_main"))[0]["dag_run_id"]
        state, tasks = airflow.ended("streamflow_main", run)
        airflow.pause("streamflow_main", True)
        self.assertEqual((state, tasks["load_gold"]), ("success", "success"), tasks)
        self.log_step(f"streamflow_main: {sum(state == 'success' for state in tasks.values())} tasks succeeded")
        self.assertLess(TABLES, set(self.versions(GOLD)))
        self.gold_of_airflow_is_right()

    def run_dag(self):
        """Runs the pipeline once more, and returns the lines that its job read."""
        self.stack.compose(
            "exec", "-T", "-e", "STREAMFLOW_DEADLINE_MINUTES=0", "airflow", "airflow", "dags", "test", "streamflow_main"
        )
        jobs = [job for job in self.stack.api("/api/v1/jobs")["jobs"] if job["name"].startswith("streamflow ")]
        newest = self.stack.api(f"/api/v1/jobs/{jobs[0]['job_id']}")
        self.assertEqual(newest["state"], "SUCCEEDED", newest)
        return {source["name"]: source["lines"] for source in newest["inputs"]}

    def test_22_a_second_run_takes_what_is_new(self):
        before = self.versions(GOLD)
        self.assertEqual(self.run_dag(), {"landed_user_events": 0, "landed_transactions": 0})
        self.assertEqual(self.versions(GOLD), before)
        self.log_step("nothing is new: no table has another version")
        self.stack.execute("airflow", "produce-events", "user-events", "--bulk", "--count", "500")
        self.stack.execute("airflow", "produce-events", "transaction-events", "--bulk", "--count", "200")
        self.assertEqual(self.run_dag(), {"landed_user_events": 500, "landed_transactions": 200})
        self.log_step("only the new lines were read")
        after = self.versions(GOLD)
        for table in ("user_events", "transaction_messages", "transactions"):
            self.assertEqual(after[table], before[table] + 1, table)
        self.gold_of_airflow_is_right()

    def test_23_a_backfill(self):
        airflow, before = self.airflow, self.versions(GOLD)
        minute = f"{datetime.fromtimestamp(self.minute * 60, UTC):%Y-%m-%dT%H:%M:%SZ}"
        airflow.pause("streamflow_main", False)
        self.stack.execute(
            "airflow", "airflow", "backfill", "create", "--dag-id", "streamflow_main",
            "--from-date", minute, "--to-date", minute, "--max-active-runs", "1", "--reprocess-behavior", "completed",
        )

        def backfill():
            runs = airflow.runs("streamflow_main")
            return [run["dag_run_id"] for run in runs if run["run_type"] == "backfill"]

        (run,) = self.stack.until("the backfill's run", backfill)
        state, tasks = airflow.ended("streamflow_main", run)
        airflow.pause("streamflow_main", True)
        self.assertEqual((state, tasks["load_range"], tasks["load_gold"]), ("success", "success", "skipped"), tasks)
        self.log_step("the minute was reprocessed")
        (landing,) = (self.stack.data / "landing-ranges").glob("*/*/*")
        (gold,) = (self.stack.data / f"{GOLD}-ranges").iterdir()
        self.assertEqual(self.landed("transaction_events", landing), 10_000)
        self.assertGreaterEqual(self.landed("user_events", landing), 50_000)
        print(self.compare(landing, gold))
        self.assertEqual(self.versions(GOLD), before)

    def test_24_a_task_whose_worker_is_killed_and_that_is_ended(self):
        airflow, dag = self.airflow, "endless_on_a_worker"
        run = airflow.start(dag)
        job = self.runs_alone(dag)
        # The worker that has the task, and the task, which is its child; the names
        # of both processes contain the task's id.
        task = airflow.task(dag, run, "job")["id"]
        killed = self.stack.execute("airflow", "pkill", "-KILL", "--echo", "--full", f"airflow worker -- .*{task}")
        self.assertEqual(len(killed.splitlines()), 2, killed)
        self.log_step("worker killed during the job")

        def second_try():
            task = airflow.task(dag, run, "job")
            return task["try_number"] == 2 and "continuing with it" in airflow.log(dag, run, "job", 2)

        self.stack.until("a second try", second_try)
        self.log_step("the next try continues with the job")
        self.assertEqual(self.runs_alone(dag), job)
        airflow.mark(dag, run, "job", "failed")
        self.is_killed(job, dag)
        self.log_step("marked as failed: the job is killed")

    def test_25_a_deferred_task_whose_airflow_is_killed_and_that_is_ended(self):
        airflow, dag = self.airflow, "endless_deferred"
        run = airflow.start(dag)
        job = self.runs_alone(dag)
        first = self.stack.until("the task in the triggerer", lambda: airflow.triggerer(dag, run, "job"))
        (container,) = self.stack.containers("airflow")
        self.stack.docker("kill", container)
        self.stack.docker("start", container)
        self.healthy()
        airflow = self.airflow
        # Airflow notifies only a triggerer of the end of a deferred task.
        self.stack.until("another triggerer", lambda: airflow.triggerer(dag, run, "job") not in (None, first))
        logged = len(airflow.log(dag, run, "job", 1))
        self.stack.until("more from the job", lambda: len(airflow.log(dag, run, "job", 1)) > logged)
        self.log_step("the new triggerer follows the job")
        self.assertEqual(airflow.tasks(dag, run)["job"], "deferred")
        self.assertEqual(self.runs_alone(dag), job)
        airflow.mark(dag, run, "job", "failed")
        self.is_killed(job, dag)
        self.log_step("marked as failed: the job is killed")
