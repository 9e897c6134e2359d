"""Ends with 0 if every part of Airflow in this container is healthy."""

import json
import sys
import urllib.request

PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")

with urllib.request.urlopen("http://127.0.0.1:8080/api/v2/monitor/health", timeout=6) as answer:
    health = json.load(answer)
unhealthy = {part: health.get(part) for part in PARTS if (health.get(part) or {}).get("status") != "healthy"}
if unhealthy:
    sys.exit(f"not healthy: {json.dumps(unhealthy)}")
