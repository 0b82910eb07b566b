# Two images that run as an ordinary user, with results and the converted model (1.1 GB) in volumes:
#   docker build --target cpu  -t isogloss:cpu .
#   docker build --target cuda -t isogloss:cuda .
#   docker run --rm -v isogloss-runs:/work/mlruns -v isogloss-cache:/cache isogloss:cpu run pipelines/embedded.yaml
#
# On x86-64 the public index has only the CUDA build of torch, gigabytes larger. For a cpu image without it, pass PyTorch's
# CPU wheel index: --build-arg TORCH_INDEX=…
#
# An image has no git. Its results can be promoted only if it knows the commit that it was built from:
#   --build-arg COMMIT="$(git describe --always --dirty --abbrev=40 --exclude '*')"    More: docs/container.md
FROM python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=/var/cache/pip \
    PATH=/opt/isogloss/bin:$PATH

# The dependencies, without the project: rebuilt only when pyproject.toml or constraints.txt change. An empty
# package takes the project's place.
FROM base AS empty
WORKDIR /src
RUN python -m venv /opt/isogloss
COPY pyproject.toml constraints.txt ./
RUN mkdir -p src/isogloss && touch README.md LICENSE src/isogloss/__init__.py

FROM empty AS needs-cpu
ARG TORCH_INDEX=""
RUN --mount=type=cache,target=/var/cache/pip \
    PIP_EXTRA_INDEX_URL="$TORCH_INDEX" pip install -c constraints.txt ".[deepspeed,postgres]"

FROM empty AS needs-cuda
RUN --mount=type=cache,target=/var/cache/pip \
    pip install -c constraints.txt ".[deepspeed,postgres]"

# The project as a wheel. A change of code repeats only this step and the pipelines.
FROM empty AS wheel
RUN --mount=type=cache,target=/var/cache/pip pip install -c constraints.txt setuptools
COPY README.md LICENSE ./
COPY src ./src
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

# Everything but the packages. Number 1000 is the first ordinary user of most machines, so that mounted folders fit.
FROM base AS home
RUN useradd --create-home --uid 1000 isogloss \
    && mkdir -p /work/mlruns /cache /artifacts \
    && chown -R 1000:1000 /work /cache /artifacts
WORKDIR /work
COPY --chown=1000:1000 pipelines /work/pipelines
# The MLflow store is in the volume too, and plain MLflow finds it in /work.
RUN ln -s mlruns/mlflow.db /work/mlflow.db
# HOME and USER are set for every user of the container: `--user` sets neither, libraries store files in HOME and read
# USER.
ENV ISOGLOSS_CACHE=/cache HF_HOME=/cache/huggingface HOME=/cache USER=isogloss GIT_PYTHON_REFRESH=quiet
VOLUME ["/work/mlruns", "/cache"]
HEALTHCHECK --interval=5m --timeout=1m --start-period=2m --retries=2 CMD ["isogloss", "doctor", "--quick"]
ENTRYPOINT ["isogloss"]
CMD ["--help"]

FROM home AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=needs-cuda /opt/isogloss /opt/isogloss
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --no-deps --force-reinstall /wheels/*.whl
ARG COMMIT=""
ENV ISOGLOSS_COMMIT=$COMMIT
USER 1000:1000

# The last stage is the default target.
FROM home AS cpu
COPY --from=needs-cpu /opt/isogloss /opt/isogloss
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --no-deps --force-reinstall /wheels/*.whl
ARG COMMIT=""
ENV ISOGLOSS_COMMIT=$COMMIT
USER 1000:1000
