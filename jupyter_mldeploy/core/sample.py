"""What a script's schema samples mean, found without running the script: example request, decoded types, Swagger.

The samples are worked out by an interpreter that knows literals, numpy's and pandas' makers and a few methods, and
nothing else; see :mod:`jupyter_mldeploy.core.sample_evaluation`. It lives in a process of its own, started with the
first question and ended when idle, so that numpy and pandas never load here and a question that takes too long can be
stopped.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_mldeploy.core.script.source import Span

MAX_CHARACTERS = 262_144
IDLE_SECONDS = 120.0
#: Seconds for starting Python and importing numpy and pandas. A cold disk or a busy machine needs many of them, and
#: they say nothing about the samples.
START_SECONDS = 90.0
_CHUNK = 65_536
_MOST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParameterPreview:
    """One parameter of ``run()``, or its result.

    Attributes:
        name: the parameter's name; ``"return"`` for the result.
        type: ``"numpy"``, ``"pandas"``, ``"standard"``, ``"spark"``, ``"custom"``, or None without a schema.
        decoded: what ``run()`` receives in words, for example ``"ndarray float64 (n, 10)"``; empty when it is not
        known. required: a request without it is refused. sample: the sample as a JSON value.
    """

    name: str
    type: str | None
    decoded: str
    required: bool
    sample: Any = None


@dataclass(frozen=True, slots=True)
class PreviewProblem:
    """Why a preview is incomplete: an error that importing the script will raise, or something that is not worked out.

    Attributes:
        message: one sentence; an error of the import word for word.
        span: where.
        certain: importing the script fails with this message.
    """

    message: str
    span: Span
    certain: bool


@dataclass(frozen=True, slots=True)
class SchemaPreview:
    """What the schema decorators of ``run()`` mean.

    Attributes:
        inputs: the parameters, in the order of the signature.
        output: the result, or None without an output schema.
        request: an example request's body as a JSON value, or None.
        response: an example answer as a JSON value, or None.
        documents: Swagger/OpenAPI documents by version (``"2.0"``, ``"3.0"``, ``"3.1"``), without those that cannot
            describe the samples.
        problems: why something is missing.
        is_final: asking again gives the same; False where time or the worker ran out.
    """

    inputs: tuple[ParameterPreview, ...] = ()
    output: ParameterPreview | None = None
    request: Any = None
    response: Any = None
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    problems: tuple[PreviewProblem, ...] = ()
    is_final: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether every sample was worked out."""
        return not self.problems

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> SchemaPreview:
        """Make a preview from what the worker sends."""
        return cls(
            inputs=tuple(ParameterPreview(**item) for item in body.get("inputs", ())),
            output=ParameterPreview(**body["output"]) if body.get("output") else None,
            request=body.get("request"),
            response=body.get("response"),
            documents=body.get("documents", {}),
            problems=tuple(
                PreviewProblem(item["message"], Span(*item["span"]), item["certain"])
                for item in body.get("problems", ())
            ),
        )


def preview_schema(text: str, *, path: str | None = None, timeout: float = 10.0) -> SchemaPreview:
    """Work out the schema samples of a script.

    Args:
        text: the script.
        path: where it comes from, for nothing but the kind of script.
        timeout: seconds; what takes longer is stopped and reported as a problem. Starting the worker and loading numpy
            and pandas do not count; for them there are ``START_SECONDS``.

    Returns:
        The preview; ``problems`` says what could not be worked out. Never raises for what a script can hold.
    """
    return _WORKER.preview(text, path=path, timeout=timeout)


class SampleWorker:
    """The process that works samples out; safe to be used by many threads, which take turns.

    Args:
        python: the interpreter, which needs this package; this process's own by default.
        idle: seconds without a question after which the process ends.
    """

    def __init__(self, python: str | None = None, *, idle: float = IDLE_SECONDS) -> None:
        self._python = python or sys.executable
        self._idle = idle
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._read = b""  # what came after the last line

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def preview(self, text: str, *, path: str | None = None, timeout: float = 10.0) -> SchemaPreview:
        """See :func:`preview_schema`."""
        if len(text) > MAX_CHARACTERS:
            return _unknown(
                f"The script has {len(text):,} characters; samples are worked out up to {MAX_CHARACTERS:,}."
            )
        if "input_schema" not in text and "output_schema" not in text:
            return SchemaPreview()
        question = json.dumps({"text": text, "path": path}).encode() + b"\n"
        with self._lock:
            for attempt in (1, 2):  # the process may have ended itself just now
                doing, limit = "Starting the process that works the samples out", START_SECONDS
                try:
                    self._ask(question)
                    self._line(limit)  # it has imported what the question needs
                    doing, limit = "Working the samples out", timeout
                    answer = self._line(limit)
                except TimeoutError:
                    self._stop()
                    return _unknown(f"{doing} took longer than {limit:g} seconds and was stopped.", is_final=False)
                except (OSError, EOFError) as error:
                    code = self._process.poll() if self._process is not None else None
                    self._stop()
                    if attempt == 2:
                        return _unknown(
                            f"The samples could not be worked out: the worker ended ({code or error}).", is_final=False
                        )
                    continue
                return SchemaPreview.from_dict(json.loads(answer))
        return _unknown("The samples could not be worked out.", is_final=False)

    def close(self) -> None:
        """End the process; the next question starts another."""
        with self._lock:
            self._stop()

    def _ask(self, question: bytes) -> None:
        if not self.is_running:
            self._stop()  # closes what an ended process has left
            self._start()
        process = self._process
        if process is None or process.stdin is None:
            raise EOFError("there is no worker")
        process.stdin.write(question)
        process.stdin.flush()

    def _line(self, seconds: float) -> bytes:
        """Read the worker's next line."""
        process = self._process
        if process is None or process.stdout is None:
            raise EOFError("there is no worker")
        deadline = time.monotonic() + seconds
        descriptor = process.stdout.fileno()
        while b"\n" not in self._read:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            part = os.read(descriptor, _CHUNK)
            if not part:
                raise EOFError("it closed its output")
            self._read += part
            if len(self._read) > _MOST:
                raise EOFError("its answer is too long")
        line, _, self._read = self._read.partition(b"\n")
        return line

    def _start(self) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONSTARTUP"}
        environment.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
        self._process = subprocess.Popen(
            [self._python, "-m", "jupyter_mldeploy.core.sample_worker", str(self._idle)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C in a terminal is for the frontend
        )

    def _stop(self) -> None:
        process, self._process, self._read = self._process, None, b""
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        process.wait()


def _unknown(message: str, *, is_final: bool = True) -> SchemaPreview:
    return SchemaPreview(problems=(PreviewProblem(message, Span(1, 0, 1, 0), certain=False),), is_final=is_final)


_WORKER = SampleWorker()
atexit.register(_WORKER.close)
