"""``ModelDataCollector``: keeps what a model was asked and what it answered. v1's class, with a writer of our own.

    inputs = ModelDataCollector("ridge", designation="inputs", feature_names=["age", "bmi"])      # in init()
    predictions = ModelDataCollector("ridge", designation="predictions", feature_names=["progression"])

    correlations = inputs.collect(data)                                                           # in run()
    predictions.collect(predictions.add_correlations(result, correlations))

``AML_MODEL_DC_STORAGE_ENABLED`` switches it on, ``AML_MODEL_DC_STORAGE`` says where to: a folder, a URL that fsspec
knows, or a connection string of Azure storage. ``AML_MODEL_DC_BOUNDARY`` (``day`` or ``hour``) is how often a new file
begins, ``MLDEPLOY_MODEL_DC_FORMAT`` is ``csv`` or ``parquet``. Nothing here raises into ``run()`` or waits for a disk.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import uuid
from pathlib import Path, PurePosixPath
from typing import Any

from .collected_rows import (
    CORRELATION_ID,
    REQUEST_ID,
    Batch,
    Correlated,
    Place,
    count,
    size,
    snapshot,
    utc_now,
)
from .data_sink import AppendedCsv, DataSink, Parts, Storage, describe
from .print_capture import current_request

logger = logging.getLogger("mldeploy.scoring")

DESIGNATIONS = ("inputs", "predictions", "labels", "signals", "general")

#: v1's container.
_CONTAINER = "modeldata"

_UNSAFE = re.compile(r"[^A-Za-z0-9._ ()=-]+")


class ModelDataCollector:
    """Collects rows of one kind about one model.

    Args:
        model_name: the model.
        designation: ``inputs``, ``predictions``, ``labels``, ``signals`` or ``general`` (``default`` means the last).
        feature_names: names of the columns; without them a DataFrame's own, or ``column_0``, ``column_1``, ….
        workspace: ``subscription/resource group/workspace``; folders of the path.
        webservice_name: folder of the path; the service's own name by default.
        model_version: folder of the path; the deployed model's version by default.
        collection_name: the file's name, for ``signals`` and ``general``.
        identifier: what ``designation`` was called in the first versions; any text.

    Raises:
        ValueError: there is no such designation. Nothing else is ever raised.
    """

    def __init__(
        self,
        model_name: str,
        designation: str = "default",
        feature_names: list[str] | None = None,
        workspace: str = "default/default/default",
        webservice_name: str = "default",
        model_version: str = "default",
        collection_name: str = "default",
        identifier: str | None = None,
    ) -> None:
        if identifier is not None and designation == "default":
            designation, collection_name = (identifier if identifier in DESIGNATIONS else "general"), str(identifier)
        kind = "general" if designation == "default" else str(designation)
        if kind not in DESIGNATIONS:
            raise ValueError(
                f"ModelDataCollector has no designation {designation!r}; it is one of {', '.join(DESIGNATIONS)}."
            )
        if workspace == "default/default/default" and os.environ.get("WORKSPACE_NAME"):
            workspace = f"default/default/{os.environ['WORKSPACE_NAME']}"
        parts = [part for part in str(workspace).split("/") if part]
        self._model = str(model_name)
        self._kind = kind
        self._names = tuple(map(str, feature_names)) if feature_names is not None else ()
        parts = ["default"] * (3 - len(parts)) + parts
        self._workspace = "/".join([*parts[:2], "_".join(parts[2:])])
        self._service = _given(webservice_name) or os.environ.get("SERVICE_NAME") or "default"
        self._version = _given(str(model_version)) or _deployed_version(self._model) or "default"
        self._stem = str(collection_name) if kind in {"signals", "general"} else "data"
        self._sink = shared_sink()

    def collect(self, data: Any, user_correlation_id: str = "") -> dict[str, str]:
        """Keep rows: a list, an array, a DataFrame (pandas or Spark), or one value.

        A list as long as ``feature_names`` (two or more) is one row; otherwise each item is a row.

        Args:
            data: is copied; the script may go on changing it.
            user_correlation_id: an id of the script's own for these rows, in place of a random one.

        Returns:
            what ``add_correlations`` takes; ``{}`` when nothing is collected.
        """
        sink = self._sink
        if sink is None or _is_self_test():
            return {}
        try:
            return self._take(sink, data, str(user_correlation_id or ""))
        except Exception as error:  # noqa: BLE001 - data must never be worth a failed request
            sink.drop(1, f"a {type(data).__name__} cannot be collected ({describe(error)})")
            return {}

    def add_correlations(self, data: Any, correlations: dict[str, str]) -> Any:
        """Return data that carries the correlations of the inputs it belongs to, row by row.

        A pandas DataFrame gets columns; of anything else a list is made that remembers them.
        """
        if not correlations:
            return data
        try:
            assign = getattr(data, "assign", None)
            if callable(assign) and hasattr(data, "columns"):
                base, several = correlations[CORRELATION_ID], len(data) > 1 and "numbered" in correlations
                ids = [f"{base}-{index}" if several else base for index in range(len(data))]
                return assign(**{CORRELATION_ID: ids, REQUEST_ID: correlations.get(REQUEST_ID, "")})
            tolist = getattr(data, "tolist", None)
            rows = tolist() if callable(tolist) else data
            joined = Correlated(rows if isinstance(rows, list | tuple) else [rows])
        except Exception:  # noqa: BLE001 - as in collect()
            return data
        joined.correlations = dict(correlations)
        return joined

    def _take(self, sink: DataSink, data: Any, user_id: str) -> dict[str, str]:
        joined = data.correlations if isinstance(data, Correlated) else {}
        identity = user_id or joined.get(CORRELATION_ID) or uuid.uuid4().hex
        numbered = not user_id and (not joined or "numbered" in joined)
        request_id = joined.get(REQUEST_ID) or _request_id()
        found = {CORRELATION_ID: identity, REQUEST_ID: request_id, **({"numbered": "yes"} if numbered else {})}
        rows, length = count(data), size(data)
        if not sink.has_room(rows, length):
            return found
        now = utc_now()
        hourly = os.environ.get("AML_MODEL_DC_BOUNDARY", "").strip().lower() in {"hour", "60"}
        begin = now.replace(minute=0, second=0, microsecond=0)
        folders = [
            _CONTAINER, *self._workspace.split("/"), self._service, self._model, self._version, self._kind,
            *now.strftime("%Y/%m/%d/%H" if hourly else "%Y/%m/%d").split("/"),
        ]  # fmt: skip
        values = {
            "$aml_dc_scoring_timestamp": now.isoformat(),
            "$aml_dc_boundary": (begin if hourly else begin.replace(hour=0)).isoformat(),
            "$aml_workspace": self._workspace,
            "$aml_service_name": self._service,
            "$aml_model_name": self._model,
            "$aml_model_version": self._version,
            REQUEST_ID: request_id,
        }
        place = Place(tuple(map(_safe, folders)), _safe(self._stem))
        sink.put(Batch(place, snapshot(data), rows, self._names, identity, numbered, values), length)
        return found


_lock = threading.Lock()
_shared: dict[str, DataSink | None] = {}


def shared_sink() -> DataSink | None:
    """Return the process's sink; None, with one warning, when nothing is to be collected."""
    with _lock:
        if "sink" not in _shared:
            try:
                _shared["sink"] = _make_sink()
            except Exception as error:  # noqa: BLE001 - a storage that cannot be reached must not stop the service
                logger.warning("Model data is not collected: AML_MODEL_DC_STORAGE failed (%s).", describe(error))
                _shared["sink"] = None
        return _shared["sink"]


def flush(timeout_s: float = 10.0) -> None:
    """Write what was collected up to now; for the end of a process that runs no exit handlers."""
    sink = _shared.get("sink")
    if sink is not None:
        sink.flush(timeout_s)


def _make_sink() -> DataSink | None:
    if os.environ.get("AML_MODEL_DC_STORAGE_ENABLED", "").strip().lower() not in {"true", "1", "yes", "on"}:
        logger.warning(
            "Model data is not collected: AML_MODEL_DC_STORAGE_ENABLED is not true "
            "(collect_model_data in the deployment configuration switches it on)."
        )
        return None
    where = os.environ.get("AML_MODEL_DC_STORAGE", "").strip()
    if not where:
        logger.warning("Model data is not collected: AML_MODEL_DC_STORAGE names no folder or URL to keep it in.")
        return None
    debug = os.environ.get("AML_MODEL_DC_DEBUG", "").strip().lower() in {"true", "1", "yes", "on"}
    return DataSink(_storage(where, parquet=_wants_parquet()), debug=debug)


def _wants_parquet() -> bool:
    form = os.environ.get("MLDEPLOY_MODEL_DC_FORMAT", "csv").strip().lower()
    if form == "parquet":
        import importlib.util

        if importlib.util.find_spec("pyarrow") is not None:
            return True
        logger.warning("Model data is written as CSV: MLDEPLOY_MODEL_DC_FORMAT is parquet, but pyarrow is missing.")
    elif form != "csv":
        logger.warning("Model data is written as CSV: MLDEPLOY_MODEL_DC_FORMAT is %r, not csv or parquet.", form)
    return False


def _storage(where: str, *, parquet: bool) -> Storage:
    if "://" not in where and "AccountName=" not in where:
        folder = Path(where).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        if not parquet:
            return AppendedCsv(folder)

        def put_file(name: str, data: bytes) -> None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.new")
            temporary.write_bytes(data)
            temporary.replace(path)

        return Parts(put_file, parquet=True)
    import fsspec  # noqa: F401 - its absence is told by the caller
    from fsspec.core import url_to_fs

    if "AccountName=" in where:
        files, root = url_to_fs(f"az://{_CONTAINER}", connection_string=where)
    else:
        files, root = url_to_fs(where)
    inside = PurePosixPath(root).name == _CONTAINER  # the container itself was named

    def put_object(name: str, data: bytes) -> None:
        path = f"{str(root).rstrip('/')}/{name.removeprefix(f'{_CONTAINER}/') if inside else name}"
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        files.pipe_file(path, data)

    return Parts(put_object, parquet=parquet)


def _given(value: str) -> str:
    return "" if value == "default" else str(value)


def _deployed_version(model_name: str) -> str | None:
    directory = Path(os.environ.get("AZUREML_MODEL_DIR", ""))
    return directory.name if directory.parent.name == model_name and directory.name.isdecimal() else None


def _safe(part: str) -> str:
    """Return a text as the name of one folder: nothing of it may lead elsewhere."""
    name = _UNSAFE.sub("_", part).strip()
    return name if name.strip(".") else "default"


def _request_id() -> str:
    exchange = current_request.get()
    return exchange.request_id.decode("latin-1") if exchange is not None else ""


def _is_self_test() -> bool:
    exchange = current_request.get()
    return exchange is not None and exchange.connection is None and exchange.request_id == b"self-test"
