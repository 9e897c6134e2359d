#!/usr/bin/env python3
"""Asks a real scheduler with jobs on record everything that its OpenAPI document allows.

    test_api.py BINARIES [--examples N]
"""

import argparse
import json
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "duckdb"))

import sluice  # noqa: E402

DEADLINE = 120
COPY = """
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (event_id STRING, event_type STRING)
STORED AS JSON LOCATION '${landing}/user_events' OPTIONS ('mode' 'dropmalformed');
CREATE OR REFRESH MATERIALIZED VIEW copied AS
SELECT event_type, count(*) AS events FROM events GROUP BY event_type;
"""
ENDLESS = ROOT / "tests" / "it" / "jobs" / "endless.sql"
FAILING = ROOT / "tests" / "browser" / "jobs" / "failing.sql"
# So many that triples of them take days.
EVENTS = 20_000


def wait_until(what, find):
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {DEADLINE} s for: {what}")


class Api:
    """A cluster, and what its JSON API answers."""

    def __init__(self, binaries, cluster, master):
        self.binaries, self.cluster, self.master = binaries, cluster, master
        self.landing = cluster.folder / "landing"
        self.document = f"{cluster.pages}/api/v1/openapi.json"

    def get(self, path, **headers):
        """Status, headers and body of an answer."""
        request = urllib.request.Request(f"{self.cluster.pages}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def read(self, path):
        status, headers, body = self.get(path)
        assert status == 200 and headers["Content-Type"] == "application/json", (path, status, body)
        return json.loads(body)

    def submit(self, job, name):
        """Starts a job and gives its id."""
        command = [f"{self.binaries}/submit-job", job, "--master", self.master, "--name", name, "--deploy-mode", "cluster",
                   "--landing", self.landing, "--gold", self.cluster.folder / "gold" / name]
        done = subprocess.run(command, capture_output=True, text=True, env=sluice.environment(), timeout=DEADLINE)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def wait_for_state(self, id, state):
        wait_until(f"{id} is {state}", lambda: self.read(f"/api/v1/jobs/{id}")["state"] == state)

    def schemathesis(self, *options, config=HERE / "schemathesis.toml"):
        program = Path(sys.executable).with_name("schemathesis")
        command = [program, "--no-color", "--config-file", config, "run", self.document,
                   "--url", self.cluster.pages, "--checks", "all", "--continue-on-failure", "--request-timeout", "60",
                   "--suppress-health-check", "all", *options]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=self.cluster.folder)
        assert done.returncode == 0, f"{' '.join(map(str, options))}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def start_jobs(api):
    """Ids by state."""
    folder = api.landing / "user_events"
    folder.mkdir(parents=True)
    lines = (json.dumps({"event_id": f"e{number}", "event_type": "click"}) for number in range(EVENTS))
    (folder / "events.json").write_text("\n".join(lines))
    copy = api.cluster.folder / "copy.sql"
    copy.write_text(COPY)
    jobs = {"SUCCEEDED": api.submit(copy, "copy"), "FAILED": api.submit(FAILING, "failing")}
    for state, id in jobs.items():
        api.wait_for_state(id, state)
    killed = api.submit(ENDLESS, "killed")
    subprocess.run([f"{api.binaries}/submit-job", "--master", api.master, "--kill", killed], check=True,
                   capture_output=True, env=sluice.environment(), timeout=DEADLINE)
    jobs["KILLED"] = killed
    jobs["RUNNING"] = api.submit(ENDLESS, "endless")
    api.wait_for_state(jobs["RUNNING"], "RUNNING")
    wait_until("tasks run", lambda: (api.read(f"/api/v1/jobs/{jobs['RUNNING']}")["progress"] or {}).get("tasks_running"))
    return jobs


def check_pages(api, jobs):
    """The pages of the list are the list, whatever is submitted meanwhile."""
    newest_first = list(jobs.values())[::-1]
    seen, token = [], ""
    while True:
        page = api.read(f"/api/v1/jobs?limit=1&page_token={token}")
        assert len(page["jobs"]) == 1, page
        seen.append(page["jobs"][0]["job_id"])
        if not seen[1:]:
            jobs["SUCCEEDED again"] = api.submit(api.cluster.folder / "copy.sql", "copy-again")
        if not (token := page["next_page_token"]):
            break
    assert seen == newest_first, (seen, newest_first)
    for query, part in [("page_token=nowhere", "no page begins at"), ("limit=1001", "at most 1000"), ("limit=-1", "limit"),
                        ("state=gone", "unknown job state"), ("state=", "unknown job state"), ("stat=FAILED", "unknown field"), ("limit=1&limit=2", "duplicate")]:
        status, headers, body = api.get(f"/api/v1/jobs?{query}")
        message = json.loads(body)["error"]["message"]
        assert status == 400 and part in message, (query, status, message)
    by_state = api.read("/api/v1/jobs?state=FAILED,killed")["jobs"]
    assert [job["job_id"] for job in by_state] == [jobs["KILLED"], jobs["FAILED"]], by_state


def check_tags(api, jobs):
    """An answer that has not changed is not sent again."""
    ended = jobs["FAILED"]
    for path in [f"/api/v1/jobs/{ended}", f"/api/v1/jobs/{ended}/stages", "/api/v1/jobs?state=FAILED", "/api/v1/version",
                 "/api/v1/openapi.json", "/assets/live.js", "/assets/style.css"]:
        status, headers, body = api.get(path)
        tag = headers["ETag"]
        assert status == 200 and body and tag, (path, status, tag)
        for known in [tag, f"W/{tag}", f'"other", {tag}']:
            status, headers, body = api.get(path, **{"If-None-Match": known})
            assert (status, headers["ETag"], body) == (304, tag, b""), (path, known, status, body)
        status, _, body = api.get(path, **{"If-None-Match": '"other"'})
        assert status == 200 and body, (path, status)
    status, headers, _ = api.get(f"/api/v1/jobs/{ended}x", **{"If-None-Match": "*"})
    assert status == 404 and headers["ETag"] is None, status


def check_unknown_paths(api):
    for path in ["/api/v1/nothing", "/api/v1/jobs/", "/api/v2/jobs", "/api/executors"]:
        status, headers, body = api.get(path)
        assert status == 404 and "openapi.json" in json.loads(body)["error"]["message"], (path, status, body)
    status, _, body = api.get("/api/v1/jobs/%FF")
    assert status == 400 and json.loads(body)["error"]["message"], (status, body)


def fuzz(api, jobs, examples):
    print(api.schemathesis("--max-examples", examples).rstrip())
    # Random ids meet no job; these do.
    for state, id in jobs.items():
        config = api.cluster.folder / "one-job.toml"
        config.write_text(f'[generation]\ndatabase = "none"\ndeterministic = true\n[parameters]\n"path.id" = "{id}"\n')
        api.schemathesis("--include-path-regex", r"\{id\}", "--mode", "positive", "--max-examples", "10", config=config)
        print(f"job {state}: ok", flush=True)
    token = api.read("/api/v1/jobs?limit=1")["next_page_token"]
    config.write_text(f'[generation]\ndatabase = "none"\ndeterministic = true\n[parameters]\n"query.page_token" = "{token}"\n')
    api.schemathesis("--include-operation-id", "list_jobs", "--mode", "positive", "--max-examples", examples,
                     "--phases", "coverage,fuzzing", config=config)
    print("pages: ok", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("--examples", type=int, default=100, help="requests for each operation and phase")
    options = parser.parse_args()
    binaries = options.binaries.resolve()
    cluster = sluice.Cluster(binaries, executors=1)
    with cluster as master:
        api = Api(binaries, cluster, master)
        jobs = start_jobs(api)
        check_pages(api, jobs)
        check_tags(api, jobs)
        check_unknown_paths(api)
        fuzz(api, jobs, options.examples)
        assert api.read(f"/api/v1/jobs/{jobs['RUNNING']}")["state"] == "RUNNING"
    print("the API answers as its document says")


if __name__ == "__main__":
    main()
