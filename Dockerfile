# One image for every process of the console; the command says which. Built in two stages: no compiler and no cache in the last.
FROM python:3.13-slim-bookworm AS build
COPY --from=ghcr.io/astral-sh/uv:0.13.9 /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE CHANGELOG.md ./
RUN uv sync --frozen --no-dev --no-install-project --no-editable
COPY app ./app
COPY migrations ./migrations
COPY templates ./templates
COPY static ./static
RUN uv sync --frozen --no-dev --no-editable

FROM python:3.13-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends git openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/lastgood --create-home lastgood \
 && install -d -o lastgood -g lastgood -m 0755 /srv/status \
 && install -d -o lastgood -g lastgood -m 0750 /keys /keys/public /keys/private /keys/notifier
COPY --from=build /src/.venv /src/.venv
ENV PATH=/src/.venv/bin:$PATH PYTHONUNBUFFERED=1 LASTGOOD_STATE_DIR=/var/lib/lastgood LASTGOOD_HOST=0.0.0.0
# The root file system may be read-only: only the state folder and /tmp are written to.
VOLUME ["/var/lib/lastgood", "/tmp"]
USER 10001:10001
EXPOSE 8420
ENTRYPOINT ["lastgood"]
CMD ["web"]
