"""A client for runtimes that speak TensorFlow Serving's gRPC protocol, with the verbs of v1's ``PredictionClient``.

    from jupyter_mldeploy.targets.prediction_client import PredictionClient

    with PredictionClient("10.0.0.7", 9000) as client:
        scores = client.score_numpy_arrays({"input": batch})["scores"]

The few messages of ``PredictionService/Predict`` are described here, so that TensorFlow is not needed; ``grpcio`` and
``protobuf`` are (``pip install "jupyter_mldeploy[grpc]"``).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, ScoringError, TargetUnavailableError

if TYPE_CHECKING:
    import numpy as np

_METHOD = "/tensorflow.serving.PredictionService/Predict"
#: numpy's names of types → TensorFlow's DataType, and the other way round.
_TYPES = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "int64": 9, "bool": 10, "uint16": 17,
    "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip
_NAMES = {number: name for name, number in _TYPES.items()}
_STRING = 7
#: Fields of a TensorProto that hold values one by one, for servers that do not send ``tensor_content``.
_VALUES = {1: "float_val", 2: "double_val", 3: "int_val", 4: "int_val", 5: "int_val", 6: "int_val", 9: "int64_val",
           10: "bool_val", 17: "int_val", 22: "uint32_val", 23: "uint64_val"}  # fmt: skip
_TRIES = 5


class PredictionClient:
    """Scores with a runtime behind ``grpc_port``.

    Args:
        address: host name or address.
        port: port of the gRPC service.
        use_ssl: speak TLS.
        access_token: sent as ``authorization: Bearer …``.
        service_name: v1's route, sent as metadata; for servers behind v1's router.
        model_name, signature: as the runtime has them.
        timeout_s: longest time for one answer, in seconds.
    """

    def __init__(
        self,
        address: str,
        port: int = 80,
        use_ssl: bool = False,
        access_token: str = "",
        service_name: str = "",
        *,
        model_name: str = "model",
        signature: str = "serving_default",
        timeout_s: float = 60.0,
    ) -> None:
        try:
            import grpc
        except ImportError as error:
            raise TargetUnavailableError(
                "gRPC is not installed.", hint='Install it with `pip install "jupyter_mldeploy[grpc]"`.'
            ) from error
        goal = f"{address}:{port}"
        self._grpc = grpc
        self._channel = (
            grpc.secure_channel(goal, grpc.ssl_channel_credentials()) if use_ssl else grpc.insecure_channel(goal)
        )
        self._goal, self._timeout_s = goal, timeout_s
        self._model_name, self._signature = model_name, signature
        self._metadata = []
        if access_token:
            self._metadata.append(("authorization", f"Bearer {access_token}"))
        if service_name:
            self._metadata.append(("x-ms-aml-grpc-service-route", f"/api/v1/service/{service_name}"))
        request, answer = _message("PredictRequest"), _message("PredictResponse")
        self._predict = self._channel.unary_unary(
            _METHOD, request_serializer=request.SerializeToString, response_deserializer=answer.FromString
        )

    def __enter__(self) -> PredictionClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def score_file(self, path: str | Path, input_name: str = "images", outputs: list[str] | None = None) -> Any:
        """Send a file's bytes as a batch of one text tensor; return the first output."""
        tensor = _message("TensorProto")(dtype=_STRING, string_val=[Path(path).read_bytes()])
        tensor.tensor_shape.dim.add(size=1)
        found = self.score_tensors({input_name: tensor}, outputs)
        return next(iter(found.values()))

    def score_numpy_arrays(
        self, npdict: Mapping[str, np.ndarray[Any, Any]], outputs: list[str] | None = None
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Send arrays by input's name; return arrays by output's name, of the shapes that the runtime gives.

        Raises:
            InvalidInputError: a type of array has no counterpart there.
            ScoringError: the runtime refused the request; the message is its own.
            TargetUnavailableError: nothing answered after five tries with growing pauses.
        """
        return self.score_tensors({name: array_to_tensor(value) for name, value in npdict.items()}, outputs)

    def score_tensors(
        self, data: Mapping[str, Any], outputs: list[str] | None = None
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Send TensorProto messages by input's name; see :meth:`score_numpy_arrays`."""
        request = _message("PredictRequest")(output_filter=outputs or [])
        request.model_spec.name = self._model_name
        request.model_spec.signature_name = self._signature
        for name, tensor in data.items():
            request.inputs[name].CopyFrom(tensor)
        answer = self._ask(request)
        return {name: tensor_to_array(tensor) for name, tensor in answer.outputs.items()}

    def _ask(self, request: Any) -> Any:
        again = {self._grpc.StatusCode.UNAVAILABLE, self._grpc.StatusCode.RESOURCE_EXHAUSTED}
        for attempt in range(_TRIES):
            try:
                return self._predict(request, timeout=self._timeout_s, metadata=self._metadata)
            except self._grpc.RpcError as error:
                code, said = error.code(), error.details()
                if code not in again:
                    raise ScoringError(
                        f"The runtime answered {code.name}: {said}", status=502, body=str(said)
                    ) from error
                if attempt == _TRIES - 1:
                    raise TargetUnavailableError(
                        f"{self._goal} did not answer after {_TRIES} tries: {code.name}: {said}"
                    ) from error
                time.sleep(0.1 * 2**attempt)
        raise AssertionError("unreachable")


def client_from_service(service: Any, port: int, **options: Any) -> PredictionClient:
    """Return a client for a service's host and its ``grpc_port``, as it is reached from here."""
    from urllib.parse import urlsplit

    parts = urlsplit(service.scoring_uri or "")
    if not parts.hostname:
        raise TargetUnavailableError(f"Service {service.name!r} has no address.")
    return PredictionClient(parts.hostname, port, use_ssl=parts.scheme == "https", service_name=service.name, **options)


def array_to_tensor(array: np.ndarray[Any, Any]) -> Any:
    """Return an array as a TensorProto.

    Raises:
        InvalidInputError: its type has no counterpart.
    """
    import numpy as np

    value = np.asarray(array)
    if value.dtype.kind in "SUO":
        texts = [item if isinstance(item, bytes) else str(item).encode() for item in value.ravel().tolist()]
        tensor = _message("TensorProto")(dtype=_STRING, string_val=texts)
    elif value.dtype.name in _TYPES:
        little = value.astype(value.dtype.newbyteorder("<"), copy=False)
        content = np.ascontiguousarray(little).tobytes()
        tensor = _message("TensorProto")(dtype=_TYPES[value.dtype.name], tensor_content=content)
    else:
        raise InvalidInputError(
            f"Arrays of {value.dtype} cannot be sent; they are: {', '.join(_TYPES)}.", field="inputs"
        )
    for size in value.shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def tensor_to_array(tensor: Any) -> np.ndarray[Any, Any]:
    """Return a TensorProto as an array."""
    import numpy as np

    shape = [item.size for item in tensor.tensor_shape.dim]
    if tensor.dtype == _STRING:
        return np.array(list(tensor.string_val), dtype=object).reshape(shape)
    name = _NAMES.get(tensor.dtype)
    if name is None:
        raise ScoringError(
            f"The runtime sent a tensor of type {tensor.dtype}, which is not known.", status=502, body=""
        )
    kind = np.dtype(name).newbyteorder("<")
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, dtype=kind).reshape(shape).astype(name, copy=False)
    if name == "float16":
        values = np.array(list(tensor.half_val), dtype="<u2").view("<f2")
    else:
        values = np.array(list(getattr(tensor, _VALUES[tensor.dtype])), dtype=name)
    # One value stands for all elements of the shape.
    count = int(np.prod(shape)) if shape else 1
    return (np.repeat(values, count) if len(values) == 1 and count > 1 else values).reshape(shape).astype(name)


def _message(name: str) -> Any:
    """Return a message class of the protocol."""
    return _messages()[name]


@cache
def _messages() -> dict[str, Any]:
    """Return the message classes by name. The pool is our own: TensorFlow may be loaded beside it."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="mldeploy/predict.proto", package="mldeploy.serving", syntax="proto3"
    )
    field = descriptor_pb2.FieldDescriptorProto
    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    text, raw, message = field.TYPE_STRING, field.TYPE_BYTES, field.TYPE_MESSAGE

    def add(owner: Any, *fields: tuple[str, int, int, int, str]) -> None:
        for label_name, number, kind, label, of in fields:
            owner.field.add(name=label_name, number=number, type=kind, label=label, type_name=of or None)

    dim = file.message_type.add(name="Dim")
    add(dim, ("size", 1, field.TYPE_INT64, one, ""), ("name", 2, text, one, ""))
    shape = file.message_type.add(name="TensorShapeProto")
    add(shape, ("dim", 2, message, many, ".mldeploy.serving.Dim"), ("unknown_rank", 3, field.TYPE_BOOL, one, ""))
    tensor = file.message_type.add(name="TensorProto")
    add(
        tensor,
        ("dtype", 1, field.TYPE_INT32, one, ""),
        ("tensor_shape", 2, message, one, ".mldeploy.serving.TensorShapeProto"),
        ("version_number", 3, field.TYPE_INT32, one, ""), ("tensor_content", 4, raw, one, ""),
        ("float_val", 5, field.TYPE_FLOAT, many, ""), ("double_val", 6, field.TYPE_DOUBLE, many, ""),
        ("int_val", 7, field.TYPE_INT32, many, ""), ("string_val", 8, raw, many, ""),
        ("int64_val", 10, field.TYPE_INT64, many, ""), ("bool_val", 11, field.TYPE_BOOL, many, ""),
        ("half_val", 13, field.TYPE_INT32, many, ""), ("uint32_val", 16, field.TYPE_UINT32, many, ""),
        ("uint64_val", 17, field.TYPE_UINT64, many, ""),
    )  # fmt: skip
    spec = file.message_type.add(name="ModelSpec")
    add(spec, ("name", 1, text, one, ""), ("signature_name", 3, text, one, ""))
    for owner_name, entries, number in (("PredictRequest", "inputs", 2), ("PredictResponse", "outputs", 1)):
        owner = file.message_type.add(name=owner_name)
        entry = owner.nested_type.add(name=f"{entries.capitalize()}Entry")
        entry.options.map_entry = True
        add(entry, ("key", 1, text, one, ""), ("value", 2, message, one, ".mldeploy.serving.TensorProto"))
        add(owner, (entries, number, message, many, f".mldeploy.serving.{owner_name}.{entry.name}"))
    add(file.message_type[-2], ("model_spec", 1, message, one, ".mldeploy.serving.ModelSpec"))
    add(file.message_type[-2], ("output_filter", 3, text, many, ""))
    add(file.message_type[-1], ("model_spec", 2, message, one, ".mldeploy.serving.ModelSpec"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        item.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{item.name}"))
        for item in file.message_type
    }
