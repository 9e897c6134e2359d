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

# The base of the images without Airflow. The user is that of Airflow's image, so
# that all containers own the files in the data folders; group 0 and group
# permissions let any other user id work too.
FROM ${DEBIAN_IMAGE} AS runtime
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tini \
 && apt-get clean && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 50000 --gid 0 --no-create-home --home-dir /var/lib/sluice --shell /usr/sbin/nologin sluice \
 && install -d -o sluice -g 0 -m 2775 /var/lib/sluice /var/lib/sluice/state /var/lib/sluice/work \
      /opt/data /opt/data/landing /opt/data/gold /opt/jobs
COPY --chmod=755 deploy/docker/healthcheck.sh /usr/local/bin/sluice-healthcheck
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
COPY --from=binaries --chmod=755 /out/executor /usr/local/bin/
ENV SLUICE_EXECUTOR_BIND=0.0.0.0:50051 \
    SLUICE_EXECUTOR_HTTP=0.0.0.0:8081 \
    SLUICE_EXECUTOR_WORK_DIR=/var/lib/sluice/work
EXPOSE 50051 50052 8081
HEALTHCHECK --interval=3s --timeout=3s --start-period=20s --retries=3 \
  CMD sluice-healthcheck "${SLUICE_EXECUTOR_HTTP##*:}" /readyz
CMD ["executor"]

# scheduler and tools share the layer with submit-job.
FROM runtime AS with-submit-job
COPY --from=binaries --chmod=755 /out/submit-job /usr/local/bin/

FROM with-submit-job AS scheduler
LABEL org.opencontainers.image.title="sluice-scheduler" \
      org.opencontainers.image.description="Accepts, plans and commits the jobs of a Sluice cluster"
COPY --from=binaries --chmod=755 /out/scheduler /usr/local/bin/
COPY jobs/ /opt/jobs/
ENV SLUICE_SCHEDULER_BIND=0.0.0.0:50050 \
    SLUICE_SCHEDULER_HTTP=0.0.0.0:8080 \
    SLUICE_SCHEDULER_STATE_DIR=/var/lib/sluice/state
EXPOSE 50050 8080
# /readyz requires executors, which wait for a healthy scheduler.
HEALTHCHECK --interval=3s --timeout=3s --start-period=20s --retries=3 \
  CMD sluice-healthcheck "${SLUICE_SCHEDULER_HTTP##*:}" /healthz
CMD ["scheduler"]

FROM with-submit-job AS tools
LABEL org.opencontainers.image.title="sluice-tools" \
      org.opencontainers.image.description="submit-job, ingest-landing and produce-events"
COPY --from=binaries --chmod=755 /out/ingest-landing /out/produce-events /usr/local/bin/
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
COPY --from=binaries --chmod=755 /out/submit-job /out/ingest-landing /out/produce-events /usr/local/bin/
COPY --chmod=755 deploy/docker/airflow-health.py /usr/local/bin/airflow-health
COPY jobs/ /opt/jobs/
WORKDIR /opt
HEALTHCHECK --interval=10s --timeout=8s --start-period=300s --retries=5 CMD ["python", "/usr/local/bin/airflow-health"]
CMD ["standalone"]
