# The local gateway: Streaming v3 and chat completions for other machines.
#
#     docker build -t livegist .
#     docker run -p 8765:8765 -e LIVEGIST_TOKEN=… livegist

FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY tui tui
COPY themes themes
RUN python -m venv /opt/livegist \
    && /opt/livegist/bin/pip install --no-cache-dir '.[local]' \
    && /opt/livegist/bin/pip install --no-cache-dir --no-deps resemblyzer pipecat-ai

FROM python:3.13-slim
COPY --from=build /opt/livegist /opt/livegist
RUN useradd --create-home --uid 10001 livegist
USER 10001
ENV PATH=/opt/livegist/bin:$PATH
EXPOSE 8765
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/healthz')"]
# Other addresses than loopback need a token: LIVEGIST_TOKEN.
ENTRYPOINT ["livegist", "serve", "--host", "0.0.0.0"]
