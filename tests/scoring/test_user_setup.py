"""Logging files and debuggers, as users of v1 know them."""

from __future__ import annotations

import json
from pathlib import Path

from .worker_process import PLAIN, Worker, serving, wait_until

TALKING = (
    PLAIN
    + """
import logging

def run(data):
    logging.getLogger("mine").info("said %s", data)
    return data
"""
)


def test_logging_file(tmp_path: Path) -> None:
    configuration = {
        "version": 1,
        "formatters": {
            "short": {"()": "azureml_inference_server_http.log_config.AMLLogFormatter", "fmt": "<%(message)s>"}
        },
        "handlers": {"file": {"class": "logging.FileHandler", "filename": "own.log", "formatter": "short"}},
        "loggers": {"mine": {"level": "INFO", "handlers": ["file"], "propagate": False}},
    }
    (tmp_path / "logging.json").write_text(json.dumps(configuration))
    with serving(tmp_path, TALKING) as worker:
        worker.ask("POST", "/score", "hello")
        wait_until(lambda: (tmp_path / "own.log").read_text() == "<said hello>\n")


def test_broken_logging_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "logging.json").write_text('{"version": 1, "handlers": {"a": {"class": "no.such.Handler"}}}')
    worker = Worker(tmp_path, TALKING)
    try:
        failed = worker.wait_for("failed")
        assert failed["stage"] == "settings"
        assert "logging.json is not a logging configuration" in failed["message"]
    finally:
        worker.stop()


def test_missing_debugger_does_not_stop_the_service(tmp_path: Path) -> None:
    with serving(tmp_path, TALKING, environment={"AZUREML_DEBUG_PORT": "1"}) as worker:
        assert worker.ask("POST", "/score", "x").json() == "x"
        assert worker.wait_for_log(lambda line: "AZUREML_DEBUG_PORT=1" in line["message"])["level"] == "warning"
