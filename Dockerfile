# The image of esign: `docker build -t esign .`, or with a SoftHSM token inside, for trying it out:
# `docker build --target softhsm -t esign:softhsm .` (docs/guide/operate.md).
#
# It holds no PKCS#11 module of a vendor, no PIN, no configuration: those are mounted. It runs with a read-only root
# file system, without privileges and as nobody in particular; what it keeps is under /var/lib/esign.
ARG BASE=python:3.11-slim-bookworm

# --- build: a virtual environment with the locked dependencies and esign itself -------------------------------------
FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements/build.txt requirements/service.txt requirements/
RUN python -m pip install --require-hashes --requirement requirements/build.txt \
 && python -m venv /opt/esign \
 && /opt/esign/bin/python -m pip install --require-hashes --only-binary :all: --requirement requirements/service.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY hsm hsm
COPY cli cli
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/esign/bin/python -m pip install --no-deps --no-index --find-links /wheels esign \
 && /opt/esign/bin/python -m compileall -q /opt/esign/lib

# --- runtime: what runs ---------------------------------------------------------------------------------------------
FROM ${BASE} AS runtime
# Liberation Serif has Times New Roman's metrics and every Vietnamese letter (docs/adr/0005-fonts.md).
RUN apt-get update \
 && apt-get install --yes --no-install-recommends fonts-liberation2 tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 10001 esign \
 && useradd --system --uid 10001 --gid esign --home-dir /var/lib/esign --shell /usr/sbin/nologin esign \
 && install --directory --owner=esign --group=esign --mode=0700 /var/lib/esign
COPY --from=build /opt/esign /opt/esign
ENV PATH=/opt/esign/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LANG=C.UTF-8 \
    ESIGN_CONFIG=/etc/esign/esign.toml \
    ESIGN_STATE_DIR=/var/lib/esign/state
WORKDIR /var/lib/esign
VOLUME ["/var/lib/esign"]
USER 10001:10001
# The API or the public side; the metrics.
EXPOSE 8000 9464
# Alive, not ready: a container whose token is out must not be killed for it (docs/guide/operate.md).
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["esign"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="esign" \
      org.opencontainers.image.description="Issue, sign, seal and verify administrative results as PAdES PDFs with a QR seal" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="python:3.11-slim-bookworm"

# --- softhsm: for trying it out; its keys are files, so never for real results --------------------------------------
FROM runtime AS softhsm
USER root
RUN apt-get update \
 && apt-get install --yes --no-install-recommends softhsm2 \
 && rm -rf /var/lib/apt/lists/*
USER 10001:10001

# --- esign: what a plain `docker build` makes -----------------------------------------------------------------------
FROM runtime AS esign
