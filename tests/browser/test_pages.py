#!/usr/bin/env python3
"""Opens every page of a real scheduler in a real browser.

    test_pages.py BINARIES [--pictures FOLDER]

The steps run in order on one cluster; the first failure stops the test.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
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
from proxy import start_proxy  # noqa: E402

DEADLINE = 120
PAGES = ["", "jobs", "tables", "landing", "executors"]
EXAMPLE = ROOT / "jobs" / "landing_to_gold.sql"
ENDLESS = ROOT / "tests" / "it" / "jobs" / "endless.sql"
FAILING = HERE / "jobs" / "failing.sql"
SECRET = "hunter2-hunter2"


def wait_until(what, find):
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {DEADLINE} s for: {what}")


class Site:
    """A cluster, its pages in a browser, and its API."""

    def __init__(self, binaries, cluster, master, browser, pictures):
        self.binaries, self.cluster, self.master = binaries, cluster, master
        self.browser, self.pictures = browser, pictures
        self.landing, self.gold = cluster.folder / "landing", cluster.folder / "gold"

    # The API.

    def api(self, path):
        with urllib.request.urlopen(f"{self.cluster.pages}/api/v1/{path}") as answer:
            return json.load(answer)

    def find_job(self, name):
        return next((job for job in self.api("jobs")["jobs"] if job["name"] == name), None)

    # Jobs.

    def submit(self, job, name, *more):
        command = [f"{self.binaries}/submit-job", job, "--master", self.master, "--name", name, "--no-progress",
                   "--landing", self.landing, "--gold", self.gold / name, *more]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=sluice.environment())

    def run(self, job, name, *more):
        process = self.submit(job, name, *more)
        errors = process.communicate(timeout=900)[1]
        return process.returncode, errors

    # The browser.

    @contextlib.contextmanager
    def page(self, path="", root=None, **options):
        """A page in a window of its own; at its end, nothing may be wrong with it."""
        root = root or f"{self.cluster.pages}/"
        context = self.browser.new_context(**options)
        context.set_default_timeout(DEADLINE * 1000)
        page = context.new_page()
        problems = []
        page.on("console", lambda message: message.type == "error" and problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: request.url.startswith(root) or problems.append(f"asks for {request.url}"))
        page.goto(root + path)
        yield page
        context.close()
        assert not problems, f"{path}: {problems}"

    def text(self, path):
        with urllib.request.urlopen(f"{self.cluster.pages}/{path}") as answer:
            return answer.read().decode()


def row_of(page, section, name):
    """The cells of the row whose first cell is `name`."""
    row = page.locator(f"#{section} tbody tr").filter(has=page.get_by_role("rowheader", name=name, exact=True)).first
    return row.locator("th, td").all_inner_texts()


# Steps.


def empty_pages(site):
    for path in PAGES:
        with site.page(path) as page:
            assert page.locator("h1").count() == 1, path
    with site.page() as page:
        # The list of executors that pages show may lag a little.
        wait_until("both executors", lambda: "2 vcores on 2 executors" in page.locator("#cluster").inner_text())
        wait_until("a quiet cluster", lambda: "Nothing." in page.locator("#attention").inner_text())


def jobs_end(site):
    subprocess.run([f"{site.binaries}/generate-events", "--landing", site.landing, "--malformed-permille", "5"],
                   check=True, capture_output=True)
    for _ in range(3):
        code, errors = site.run(EXAMPLE, "nightly")
        assert code == 0, errors
    code, _ = site.run(FAILING, "failing", "--api_password", SECRET)
    assert code != 0


def what_has_landed(site):
    # Through a broker, so that there is a ledger.
    data = site.cluster.folder / "quickstart"
    subprocess.run([f"{site.binaries}/quickstart", "--data", data], check=True, capture_output=True,
                   env=sluice.environment())
    site.landing, generated = data / "landing", site.landing
    code, errors = site.run(EXAMPLE, "from-kafka")
    site.landing = generated
    assert code == 0, errors
    inputs = site.api(f"jobs/{site.find_job('from-kafka')['job_id']}")["inputs"]
    ledger = subprocess.run([f"{site.binaries}/ingest-landing", "status", "--landing", data / "landing", "--output", "json",
                             "--timeout", "1s"],
                            capture_output=True, text=True, env=sluice.environment())
    topics = {topic["topic"]: topic for topic in json.loads(ledger.stdout)}
    assert len(topics) == len(inputs) == 2
    with site.page("landing") as page:
        for source in inputs:
            card = page.locator("section.card", has=page.get_by_role("heading", name=source["location"], exact=True))
            topic = topics[Path(source["location"]).name]
            text = card.inner_text()
            malformed = f"{source['malformed']:,} malformed" if source["malformed"] else "none malformed"
            for part in [f"{source['lines']:,} lines", malformed, topic["topic"], f"{topic['rows']:,} rows",
                         f"{topic['rejects']:,} record"]:
                assert part in text, (part, text)
            batches = card.locator("table", has=page.get_by_text("Latest batches", exact=True))
            assert batches.locator("tbody tr").count() == min(topic["entry"] + 1, 10)
            assert "Hours of event time" in text, text
            assert ("Rejects" in card.locator("h3").all_inner_texts()) == (topic["rejects"] > 0)


def a_job_that_succeeded(site):
    job = site.api(f"jobs/{site.find_job('nightly')['job_id']}")
    with site.page() as page:
        page.get_by_role("link", name="nightly").first.click()
        assert page.locator("h1").inner_text() == "nightly"
        assert "SUCCEEDED" in page.locator("#summary").inner_text()
        for dataset in job["datasets"]:
            cells = row_of(page, "datasets", dataset["name"])
            assert cells[1] == "COMMITTED" and cells[3] == f"{dataset['rows']:,}", (cells, dataset)
            assert cells[7] == str(dataset["version"]), (cells, dataset)
        for source in job["inputs"]:
            cells = row_of(page, "inputs", source["name"])
            assert cells[3] == f"{source['lines']:,}" and cells[4] == f"{source['malformed']:,}", (cells, source)
        assert page.locator("#graph rect").count() >= len(job["datasets"]) + len(job["inputs"])
        assert page.locator("#runs rect").count() == 3
        text = EXAMPLE.read_text().splitlines()
        assert page.locator("#job-text .line").count() == len(text) and text[0] in page.locator("#line-1").inner_text()
        assert "same" in row_of(page, "runs", f"Rows of {job['datasets'][0]['name']}")
        page.get_by_role("link", name="The whole log").click()
        assert "driver" in page.locator("#log").inner_text()
        page.go_back()


def stages_of_a_job(site):
    id = site.find_job("nightly")["job_id"]
    steps = site.api(f"jobs/{id}/stages")["steps"]
    tasks = sum(len(stage["tasks"]) for step in steps for stage in step["stages"])
    assert tasks == site.api(f"jobs/{id}")["progress"]["tasks_done"] > 0
    assert all(task["end_ms"] >= task["start_ms"] > 0
               for step in steps for stage in step["stages"] for task in stage["tasks"])
    with site.page(f"jobs/{id}") as page:
        page.get_by_role("link", name="Stages, tasks and operators").click()
        assert page.locator("#timeline rect").count() == tasks
        assert page.locator("section[id^=step-]").count() == len(steps)
        step = page.locator("section", has=page.get_by_role("heading", name="write transactions", exact=True))
        step.get_by_text("Plan, with rows").click()
        rows = next(dataset["rows"] for dataset in site.api(f"jobs/{id}")["datasets"] if dataset["name"] == "transactions")
        assert f"{rows:,}" in step.inner_text(), step.inner_text()
        # Parts that are replaced stay open.
        page.wait_for_timeout(2500)
        assert step.locator("details").get_attribute("open") is not None


def lines_of_log(site, job):
    with site.page(f"jobs/{site.find_job(job)['job_id']}/log") as page:
        return page.locator("#log-lines > span").all_inner_texts()


def read_events(site, path, headers):
    """The names, ids and texts of the events of a page, to the end of the stream."""
    request = urllib.request.Request(f"{site.cluster.pages}/{path}", headers={"Accept": "text/event-stream", **headers})
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        blocks = answer.read().decode().split("\n\n")
    events = []
    for block in filter(None, blocks):
        fields = [line.split(": ", 1) for line in block.split("\n") if not line.startswith(":")]
        data = "\n".join(text for name, text in fields if name == "data")
        events.append((dict(fields).get("event"), dict(fields).get("id"), data))
    return events


def nothing_is_sent_after_the_end(site):
    id = site.find_job("nightly")["job_id"]
    for path in (f"jobs/{id}", f"jobs/{id}/stages", "jobs/none"):
        assert [event for event, _, _ in read_events(site, path, {})][-1] == "end", path
    _, (name, offset, lines), _ = read_events(site, f"jobs/{id}/log", {})
    assert name == "log" and lines.count("entry") == len(lines_of_log(site, "nightly")) > 5
    # A browser that has the lines, or connects again, does not get them.
    for path, headers in ((f"jobs/{id}/log?log_from={offset}", {}), (f"jobs/{id}/log", {"Last-Event-ID": offset})):
        assert [event for event, _, _ in read_events(site, path, headers)] == ["page", "end"]
    with site.page(f"jobs/{id}", java_script_enabled=False) as page:
        assert page.locator("meta[http-equiv=refresh]").count() == 0


def a_job_that_failed(site):
    with site.page() as page:
        assert "failing" in page.locator("#attention").inner_text()
        page.get_by_role("link", name="failing").first.click()
        reason = page.locator("#reason").inner_text()
        api = site.api(f"jobs/{site.find_job('failing')['job_id']}")
        assert api["error"]["message"].split("\n")[0] in reason, (api["error"], reason)
        assert SECRET not in page.content() and "api_password" in page.content()


def jobs_are_found(site):
    with site.page("jobs") as page:
        assert page.locator("#jobs tbody tr").count() == 5
        page.get_by_label("Id, name, file or user").fill("NIGHT")
        page.get_by_role("button", name="Show").click()
        assert page.locator("#jobs tbody tr").count() == 3
        page.get_by_label("State").select_option("FAILED")
        page.get_by_role("button", name="Show").click()
        assert "No job is like this" in page.locator("#jobs").inner_text()


def tables_are_listed(site):
    with site.page("tables") as page:
        for dataset in site.api(f"jobs/{site.find_job('nightly')['job_id']}")["datasets"]:
            row = page.locator("#tables tbody tr").filter(has=page.get_by_text(dataset["location"], exact=True))
            cells = row.locator("th, td").all_inner_texts()
            assert cells[1] == str(dataset["version"]) and cells[2] == f"{dataset['table_rows']:,}", cells
            assert cells[3] == f"{dataset['rows']:,}", cells


def table_path(site, name, job="nightly"):
    """The path of the page of a table that a job has written."""
    wanted = next(dataset for dataset in site.api(f"jobs/{site.find_job(job)['job_id']}")["datasets"]
                  if dataset["name"] == name)
    with site.page("tables") as page:
        row = page.locator("#tables tbody tr").filter(has=page.get_by_text(wanted["location"], exact=True))
        return row.get_by_role("link", name=name).get_attribute("href").removeprefix("./"), wanted


def a_table(site):
    path, wanted = table_path(site, "transactions")
    with site.page("tables") as page:
        page.locator(f"a[href='./{path}']").click()
        page.wait_for_url(f"**/{path}")
        facts = page.locator("#facts").inner_text()
        assert wanted["location"] in facts and f"{wanted['rows']:,} rows" in facts, facts
        assert "landed_transactions" in facts and "user_events" not in facts, facts
        assert row_of(page, "columns", "unit_price")[1] == "DOUBLE"
        rows = page.locator("#rows tbody tr")
        assert rows.count() == 20 and "purchase" in page.locator("#rows").inner_text()
        versions = page.locator("#commits tbody tr td:first-child").all_inner_texts()
        assert versions == ["2", "1", "0"], versions
    assert status_of(f"{site.cluster.pages}/tables/none", {})[0] == 404


def a_job_is_killed_from_its_page(site):
    with site.page() as page:
        # The page was opened before the job was submitted: it appears by itself.
        process = site.submit(ENDLESS, "endless")
        link = page.locator("#running").get_by_role("link", name="endless")
        link.wait_for(timeout=DEADLINE * 1000)
        take_pictures(site, "running", [""])
        link.click()
        page.locator("#datasets progress").first.wait_for(timeout=DEADLINE * 1000)
        take_pictures(site, "running", [f"jobs/{site.find_job('endless')['job_id']}"])
        with site.page(f"jobs/{site.find_job('endless')['job_id']}") as other:
            page.get_by_text("Kill this job…").click()
            page.get_by_role("button", name="Kill endless").click()
            page.locator("#summary").get_by_text("KILLED").wait_for(timeout=DEADLINE * 1000)
            # A part that was not there before appears on a page that is open.
            other.locator("#reason").get_by_text("from the web page").wait_for(timeout=DEADLINE * 1000)
            # It has each line of the log once, the last ones too, and then asks for nothing more.
            other.get_by_text("ended: this page does not change any more").wait_for(timeout=DEADLINE * 1000)
            lines = other.locator("#log-lines > span").all_inner_texts()
            assert lines == lines_of_log(site, "endless") and "ended as KILLED" in lines[-1], lines
        assert page.get_by_text("Kill this job…").count() == 0
    errors = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == 5, errors
    assert site.find_job("endless")["state"] == "KILLED"


def status_of(url, headers, form=None):
    """Status and text of the answer to a request, with these headers."""
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def a_form_of_another_site_kills_nothing(site):
    process = site.submit(ENDLESS, "kept")
    job = wait_until("the job", lambda: site.find_job("kept"))
    path = f"jobs/{job['job_id']}"
    url = f"{site.cluster.pages}/{path}/kill"
    for token in ["", "guess"]:
        assert status_of(url, {}, {"token": token})[0] == 403, token
    # Nor one with the right token, as a page that has read ours would send it.
    token = re.search('name="token" value="([^"]+)"', site.text(path)).group(1)
    for headers in [{"Origin": "http://foreign.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"}]:
        status, text = status_of(url, headers, {"token": token})
        assert status == 403 and "another site" in text, (headers, status, text)
    status, text = status_of(url, {"Host": "foreign.example"}, {"token": token})
    assert status == 421, (status, text)
    assert site.find_job("kept")["state"] not in ("KILLED", "FAILED")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=DEADLINE)


def a_foreign_name_is_not_served(site):
    # A page of foreign.example whose name now leads to the scheduler.
    port = urllib.parse.urlsplit(site.cluster.pages).port
    foreign = f"http://foreign.example:{port}"
    context = site.browser.new_context()
    page = context.new_page()
    for path in ["/", "/api/v1/jobs", "/assets/live.js"]:
        answer = page.goto(foreign + path)
        assert answer.status == 421 and "--web-host" in answer.text(), (path, answer.status)
    context.close()
    # Probes and metrics hold no secrets, and are asked for under any name.
    for path in ["healthz", "metrics"]:
        assert status_of(f"{site.cluster.pages}/{path}", {"Host": "foreign.example"})[0] == 200, path


def without_scripts(site):
    with site.page(java_script_enabled=False) as page:
        assert page.locator("meta[http-equiv=refresh]").count() == 1
        page.get_by_role("link", name="Jobs", exact=True).click()
        page.get_by_role("link", name="nightly").first.click()
        assert page.locator("h1").inner_text() == "nightly"


def below_a_path(site):
    server, root = start_proxy(site.cluster.pages)
    with site.page(root=root) as page:
        page.get_by_role("link", name="Jobs", exact=True).click()
        page.get_by_role("link", name="nightly").first.click()
        page.get_by_role("link", name="The whole log").click()
        page.get_by_role("link", name="Sluice", exact=True).click()
        page.get_by_text("live", exact=True).wait_for(timeout=DEADLINE * 1000)
        assert page.url.rstrip("/") == root.rstrip("/"), page.url
        process = site.submit(ENDLESS, "killed-through-proxy")
        page.locator("#running").get_by_role("link", name="killed-through-proxy").click(timeout=DEADLINE * 1000)
        page.get_by_text("Kill this job…").click()
        page.get_by_role("button", name="Kill killed-through-proxy").click()
        page.locator("#summary").get_by_text("KILLED").wait_for(timeout=DEADLINE * 1000)
    process.communicate(timeout=DEADLINE)
    server.shutdown()


def narrow_windows(site):
    job = site.find_job("nightly")["job_id"]
    for path in [*PAGES, f"jobs/{job}", f"jobs/{job}/stages", table_path(site, "transactions")[0]]:
        with site.page(path, viewport={"width": 360, "height": 740}) as page:
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, f"{path} is {width} wide"


def the_keyboard_is_enough(site):
    with site.page() as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        for _ in range(3):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/jobs")


def nothing_is_inaccessible(site):
    from axe_playwright_python.sync_playwright import Axe

    jobs = [site.find_job(name)["job_id"] for name in ("nightly", "failing", "endless")]
    for path in [*PAGES, *(f"jobs/{job}" for job in jobs), f"jobs/{jobs[0]}/log", f"jobs/{jobs[0]}/stages",
                 table_path(site, "transactions")[0]]:
        for scheme in ("light", "dark"):
            # axe-core is put into the page by the test, which the pages' policy forbids.
            with site.page(path, color_scheme=scheme, bypass_csp=True) as page:
                found = Axe().run(page)
                assert found.violations_count == 0, f"{path} in {scheme}:\n{found.generate_report()}"


def an_executor_is_lost(site):
    with site.page() as page:
        lost = site.cluster.processes.pop()
        lost.kill()
        lost.wait()
        page.locator("#cluster").get_by_text("on 1 executor").wait_for(timeout=DEADLINE * 1000)
    with site.page("executors") as page:
        assert page.locator("#executors tbody tr").count() == len(site.api("executors")["executors"]) == 1
        (lost,) = site.api("executors")["lost"]
        cells = row_of(page, "lost", lost["address"])
        assert cells[2] == lost["reason"] and "connection broke" in lost["reason"], cells


def pictures_of_all(site):
    job = {name: site.find_job(name)["job_id"] for name in ("nightly", "failing", "endless")}
    take_pictures(site, "ended", [*PAGES, *(f"jobs/{id}" for id in job.values()), f"jobs/{job['nightly']}/stages",
                                  table_path(site, "transactions")[0]])


def take_pictures(site, moment, paths):
    if not site.pictures:
        return
    site.pictures.mkdir(parents=True, exist_ok=True)
    for path in paths:
        for scheme in ("light", "dark"):
            with site.page(path, color_scheme=scheme, viewport={"width": 1280, "height": 800}) as page:
                name = page.locator("h1").inner_text().lower().replace(" ", "-")
                page.screenshot(path=site.pictures / f"{moment}-{name}-{scheme}.png", full_page=True)


STEPS = [
    empty_pages,
    jobs_end,
    what_has_landed,
    a_job_that_succeeded,
    stages_of_a_job,
    nothing_is_sent_after_the_end,
    a_job_that_failed,
    jobs_are_found,
    tables_are_listed,
    a_table,
    a_job_is_killed_from_its_page,
    a_form_of_another_site_kills_nothing,
    a_foreign_name_is_not_served,
    without_scripts,
    below_a_path,
    narrow_windows,
    the_keyboard_is_enough,
    nothing_is_inaccessible,
    pictures_of_all,
    an_executor_is_lost,
]


def find_browser():
    return os.environ.get("SLUICE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binaries", type=Path)
    arguments.add_argument("--pictures", type=Path)
    options = arguments.parse_args()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    chromium = find_browser()
    if not (chromium and sync_playwright):
        lacking = "playwright" if chromium else "Chromium"
        print(f"\n*** SKIPPED: the web pages were not tested: there is no {lacking}\n", file=sys.stderr)
        sys.exit(1 if os.environ.get("SLUICE_CI") else 0)
    cluster = sluice.Cluster(options.binaries.resolve(), executors=2)
    with sync_playwright() as playwright, cluster as master:
        browser = playwright.chromium.launch(executable_path=chromium, args=[
            "--no-sandbox", "--host-resolver-rules=MAP foreign.example 127.0.0.1"])
        site = Site(options.binaries.resolve(), cluster, master, browser, options.pictures)
        for step in STEPS:
            start = time.monotonic()
            step(site)
            print(f"{step.__name__}: ok ({time.monotonic() - start:.1f} s)", flush=True)
        browser.close()
    print(f"{len(STEPS)} steps passed")


if __name__ == "__main__":
    main()
