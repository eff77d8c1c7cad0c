# The image of a one-shot job: the console script, its locked dependencies, a user without rights, and nothing else.
#   docker build -t registry.example.com/dcs-orchestrator:1.0 .
#
# Give the base by its digest where builds must repeat to the byte (it cannot be known where this file is written):
#   docker build --build-arg BASE=docker.io/library/python@sha256:… .
ARG BASE=docker.io/library/python:3.11-slim-trixie

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Wheels only, each with its hash: nothing is compiled, nothing but what the locks name is run.
COPY requirements-build.lock requirements.lock ./
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements-build.lock \
 && python -m venv /opt/orchestrator \
 && /opt/orchestrator/bin/pip install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY orchestrator ./orchestrator
# The wheel is built by the locked builder; then the environment loses its installer.
RUN /opt/build/bin/pip wheel --no-build-isolation --no-deps --wheel-dir /wheels . \
 && /opt/orchestrator/bin/pip install --no-deps --no-index /wheels/*.whl \
 && /opt/orchestrator/bin/pip check \
 && /opt/orchestrator/bin/pip uninstall --yes pip setuptools \
 && /opt/orchestrator/bin/orchestrator --version

FROM ${BASE}
LABEL org.opencontainers.image.title="dcs-orchestrator" \
      org.opencontainers.image.licenses="Apache-2.0"
# The base's own installer goes, too. The user is a number, so that the cluster can see that it is not root.
RUN python -m pip uninstall --yes --root-user-action=ignore pip \
 && groupadd --gid 10001 orchestrator \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin orchestrator
COPY --from=build /opt/orchestrator /opt/orchestrator
# The root file system may be read-only: /tmp and the output directory are all that is written to.
ENV PATH=/opt/orchestrator/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["/opt/orchestrator/bin/orchestrator"]
CMD ["--help"]
