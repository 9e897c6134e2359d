"""A client of Airflow's public API, which its UI uses too."""

import json
import urllib.error
import urllib.request


class AirflowApi:
    def __init__(self, stack):
        self.stack = stack
        self.token = None

    def status(self, method, path, body=None):
        """The status and the document of a response."""
        url = f"http://127.0.0.1:{self.stack.ports['AIRFLOW_PORT']}{path}"
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")

    def log_in(self):
        """Logs in with the password that the stack generated."""
        password = self.stack.execute("airflow", "cat", "/run/sluice/airflow-password").strip()
        self.token = self.ask("POST", "/auth/token", {"username": "admin", "password": password})["access_token"]

    def ask(self, method, path, body=None):
        """The document of a response, which must be successful."""
        status, answer = self.status(method, path, body)
        if status not in (200, 201):
            raise AssertionError(f"{method} {path}: {status} {answer}")
        return answer

    def get(self, path):
        return self.ask("GET", f"/api/v2{path}")

    def pause(self, dag, paused):
        self.ask("PATCH", f"/api/v2/dags/{dag}", {"is_paused": paused})

    def start(self, dag, **conf):
        """Starts a run, and returns its id."""
        body = {"logical_date": None, "conf": conf}
        return self.ask("POST", f"/api/v2/dags/{dag}/dagRuns", body)["dag_run_id"]

    def runs(self, dag):
        return self.get(f"/dags/{dag}/dagRuns")["dag_runs"]

    def ended(self, dag, run, seconds=900):
        """Waits for a run's end; returns its state and those of its tasks."""

        def state():
            found = self.get(f"/dags/{dag}/dagRuns/{run}")["state"]
            return found if found in ("success", "failed") else None

        return self.stack.until(f"the end of {dag} {run}", state, seconds), self.tasks(dag, run)

    def tasks(self, dag, run):
        """The state of each task."""
        found = self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in found}

    def task(self, dag, run, task):
        return self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}")

    def triggerer(self, dag, run, task):
        """The triggerer that has a deferred task; None while there is none."""
        return (self.task(dag, run, task)["triggerer_job"] or {}).get("id")

    def mark(self, dag, run, task, state):
        """Marks a task, as users do in the UI."""
        self.ask("PATCH", f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}", {"new_state": state})

    def log(self, dag, run, task, number):
        """The log of a try, as text."""
        found = self.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{number}?full_content=true")
        return json.dumps(found["content"])
