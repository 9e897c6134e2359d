"""What Airflow's provider manager reads: provider.yaml as Python."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The package's parts. A test compares it with provider.yaml."""
    return {
        "package-name": "airflow-provider-sluice",
        "name": "Sluice",
        "description": "Sluice: Kafka topics into gold tables with plain SQL",
        "integrations": [
            {
                "integration-name": "Sluice",
                "external-doc-url": "https://github.com/sluice-etl/sluice",
                "tags": ["software"],
            }
        ],
        "operators": [
            {
                "integration-name": "Sluice",
                "python-modules": [
                    "sluice_airflow.operators.ingest",
                    "sluice_airflow.operators.landing",
                    "sluice_airflow.operators.submit_job",
                ],
            }
        ],
        "sensors": [{"integration-name": "Sluice", "python-modules": ["sluice_airflow.sensors.landing"]}],
        "hooks": [{"integration-name": "Sluice", "python-modules": ["sluice_airflow.hooks.sluice"]}],
        "triggers": [{"integration-name": "Sluice", "python-modules": ["sluice_airflow.triggers.job"]}],
        "connection-types": [
            {
                "hook-class-name": "sluice_airflow.hooks.sluice.SluiceHook",
                "hook-name": "Sluice",
                "connection-type": "sluice",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "password"],
                    "relabeling": {"host": "Scheduler host", "port": "Scheduler gRPC port"},
                    "placeholders": {
                        "host": "scheduler",
                        "port": "50050",
                        "extra": '{"http_url": "http://localhost:8080"}',
                    },
                },
                "conn-fields": {
                    "http_url": {
                        "label": "Scheduler HTTP address",
                        "description": "As a browser reaches it, for links to jobs; "
                        "default: port 8080 of the host",
                        "schema": {"type": ["string", "null"]},
                    }
                },
            }
        ],
        "extra-links": ["sluice_airflow.links.job.SluiceJobLink"],
    }
