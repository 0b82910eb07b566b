# A CPU image that runs as an ordinary user, with results and the converted model (1.1 GB) in named volumes:
#   docker build -t isogloss .
#   docker run --rm -v isogloss-runs:/work/mlruns -v isogloss-cache:/cache isogloss
#
# On x86-64 the public index gives the CUDA build of torch, which is gigabytes larger and not used here. To take the CPU
# build, pass PyTorch's CPU wheel index: --build-arg PIP_EXTRA_INDEX_URL=…
FROM python:3.11-slim

ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 GIT_PYTHON_REFRESH=quiet

WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN pip install -c constraints.txt ".[deepspeed]"

RUN useradd --create-home --uid 1000 isogloss \
    && mkdir -p /work/mlruns /cache && chown -R isogloss /work /cache
COPY --chown=isogloss pipelines /work/pipelines
USER isogloss
WORKDIR /work
ENV ISOGLOSS_CACHE=/cache
VOLUME ["/work/mlruns", "/cache"]

ENTRYPOINT ["isogloss"]
CMD ["run", "pipelines/embedded.yaml"]
