"""Sluice for Apache Airflow 3: a hook over gRPC, operators for jobs and for
ingest, a trigger, a sensor and a link. `docs/airflow.md` describes how to use them.
"""

__version__ = "0.1.0"
