# The images of Sluice, one target each: scheduler, executor, tools, airflow.
#
#   docker build --target scheduler -t sluice/scheduler .
#
# Binaries are built here, or copied from deploy/docker/prebuilt with BINARIES=prebuilt
# (see deploy/docker/prebuilt.sh and docs/docker.md).

ARG RUST_VERSION=1.95
ARG DEBIAN_IMAGE=debian:bookworm-slim
ARG AIRFLOW_VERSION=3.3.2
ARG BINARIES=source

# Cargo's own folders are cache mounts: they survive a change of the sources, so
# that only changed crates and their dependents are built again.
FROM rust:${RUST_VERSION}-bookworm AS binaries-source
WORKDIR /src
COPY . .
ARG CARGO_PROFILE=release
RUN --mount=type=cache,id=sluice-cargo-registry,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=sluice-target-bookworm,target=/target,sharing=locked \
    CARGO_TARGET_DIR=/target deploy/docker/build-binaries.sh /out

FROM scratch AS binaries-prebuilt
COPY deploy/docker/prebuilt/ /out/

# With BINARIES=prebuilt, Docker skips the stages that build from source.
FROM binaries-${BINARIES} AS binaries

# The base of the images without Airflow: 12 MB with a shell and small tools, and
# no package manager. Each image holds one program with a link for every name.
FROM ${DEBIAN_IMAGE} AS root-files
RUN apt-get update \
 && apt-get install -y --no-install-recommends busybox ca-certificates tini
COPY --chmod=755 deploy/docker/root-files.sh /
RUN /root-files.sh /root-files

FROM scratch AS runtime
COPY --from=root-files /root-files/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY --chmod=755 deploy/docker/healthcheck.sh /usr/local/bin/sluice-healthcheck
COPY --from=binaries --chmod=755 /out/sluice /usr/local/bin/
# Relative paths, such as the default data/landing, begin at /opt.
WORKDIR /opt
USER sluice
ENTRYPOINT ["/usr/bin/tini", "--"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.vendor="Sluice" \
      org.opencontainers.image.source="https://github.com/sluice-etl/sluice" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM runtime AS executor
LABEL org.opencontainers.image.title="sluice-executor" \
      org.opencontainers.image.description="Runs the tasks of a Sluice cluster"
ENV SLUICE_EXECUTOR_BIND=0.0.0.0:50051 \
    SLUICE_EXECUTOR_HTTP=0.0.0.0:8081 \
    SLUICE_EXECUTOR_WORK_DIR=/var/lib/sluice/work
EXPOSE 50051 50052 8081
HEALTHCHECK --interval=3s --timeout=3s --start-period=20s --retries=3 \
  CMD sluice-healthcheck "${SLUICE_EXECUTOR_HTTP##*:}" /readyz
CMD ["executor"]

FROM runtime AS scheduler
LABEL org.opencontainers.image.title="sluice-scheduler" \
      org.opencontainers.image.description="Accepts, plans and commits the jobs of a Sluice cluster"
COPY jobs/ /opt/jobs/
ENV SLUICE_SCHEDULER_BIND=0.0.0.0:50050 \
    SLUICE_SCHEDULER_HTTP=0.0.0.0:8080 \
    SLUICE_SCHEDULER_STATE_DIR=/var/lib/sluice/state
EXPOSE 50050 8080
# /readyz needs executors, and they wait for a healthy scheduler.
HEALTHCHECK --interval=3s --timeout=3s --start-period=20s --retries=3 \
  CMD sluice-healthcheck "${SLUICE_SCHEDULER_HTTP##*:}" /healthz
CMD ["scheduler"]

FROM runtime AS tools
LABEL org.opencontainers.image.title="sluice-tools" \
      org.opencontainers.image.description="submit-job, ingest-landing and produce-events"
COPY jobs/ /opt/jobs/
CMD ["submit-job", "--help"]

FROM apache/airflow:${AIRFLOW_VERSION} AS airflow
ARG AIRFLOW_VERSION
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sluice-airflow" \
      org.opencontainers.image.description="Airflow with Sluice's provider and command line programs" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Patterns, so that a checkout without the provider or DAGs builds too. A changed
# DAG does not repeat the installation.
COPY --chmod=755 deploy/docker/install-provider.sh airflo[w]/pyproject.toml airflo[w]/README.md airflo[w]/LICENSE /opt/sluice-airflow/
COPY --chown=airflow:0 airflo[w]/src/ /opt/sluice-airflow/src/
RUN /opt/sluice-airflow/install-provider.sh /opt/sluice-airflow "${AIRFLOW_VERSION}"
COPY --chown=airflow:0 airflo[w]/dags/ /opt/airflow/dags/
COPY --from=runtime /usr/local/bin/ /usr/local/bin/
COPY --chmod=755 deploy/docker/airflow-health.py /usr/local/bin/airflow-health
COPY jobs/ /opt/jobs/
WORKDIR /opt
HEALTHCHECK --interval=10s --timeout=8s --start-period=300s --retries=5 CMD ["python", "/usr/local/bin/airflow-health"]
CMD ["standalone"]
