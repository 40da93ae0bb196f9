"""``PredictionClient`` against a real gRPC server that speaks TensorFlow Serving's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jupyter_mldeploy.errors import InvalidInputError, ScoringError, TargetUnavailableError
from jupyter_mldeploy.targets import prediction_client as protocol
from jupyter_mldeploy.targets.prediction_client import PredictionClient

grpc = pytest.importorskip("grpc")


class Runtime:
    """Doubles its input ``x``, gives a file's length, and refuses everything else."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, dict[str, str]]] = []
        self.busy = 0

    def predict(self, request: Any, context: Any) -> Any:
        self.seen.append((request, dict(context.invocation_metadata())))
        if self.busy:
            self.busy -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        answer = protocol._message("PredictResponse")()
        if "x" in request.inputs:
            doubled = protocol.tensor_to_array(request.inputs["x"]) * 2
            answer.outputs["y"].CopyFrom(protocol.array_to_tensor(doubled))
            single = answer.outputs["same"]  # values one by one, one for all: as servers may send them
            single.dtype, single.float_val[:] = 1, [0.5]
            single.tensor_shape.dim.add(size=3)
        elif "images" in request.inputs:
            size = np.array([len(request.inputs["images"].string_val[0])])
            answer.outputs["size"].CopyFrom(protocol.array_to_tensor(size))
        else:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no input named x")
        return answer


@pytest.fixture
def runtime() -> Iterator[tuple[Runtime, int]]:
    served = Runtime()
    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(
        served.predict,
        request_deserializer=protocol._message("PredictRequest").FromString,
        response_serializer=protocol._message("PredictResponse").SerializeToString,
    )
    service = grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", {"Predict": handler})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield served, port
    server.stop(0).wait()


@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "int8", "uint8", "int32", "int64", "uint64"])
def test_arrays_go_and_come(runtime: tuple[Runtime, int], kind: str) -> None:
    with PredictionClient("127.0.0.1", runtime[1], access_token="abc", service_name="svc", model_name="m") as client:
        sent = np.arange(6, dtype=kind).reshape(2, 3)
        found = client.score_numpy_arrays({"x": sent})
    assert found["y"].dtype == kind
    np.testing.assert_array_equal(found["y"], sent * 2)
    np.testing.assert_array_equal(found["same"], np.full(3, 0.5, "float32"))
    request, metadata = runtime[0].seen[0]
    assert (request.model_spec.name, request.model_spec.signature_name) == ("m", "serving_default")
    assert metadata["authorization"] == "Bearer abc"
    assert metadata["x-ms-aml-grpc-service-route"] == "/api/v1/service/svc"


def test_files_are_sent_as_bytes(runtime: tuple[Runtime, int], tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8" * 50)
    with PredictionClient("127.0.0.1", runtime[1]) as client:
        assert client.score_file(tmp_path / "cat.jpg").tolist() == [100]


def test_a_busy_runtime_is_asked_again_and_a_refusal_is_told(runtime: tuple[Runtime, int]) -> None:
    runtime[0].busy = 2
    with PredictionClient("127.0.0.1", runtime[1]) as client:
        assert client.score_numpy_arrays({"x": np.ones(1)})["y"].tolist() == [2.0]
        assert len(runtime[0].seen) == 3
        with pytest.raises(ScoringError, match="INVALID_ARGUMENT: no input named x"):
            client.score_numpy_arrays({"z": np.ones(1)})
        with pytest.raises(InvalidInputError, match="complex128 cannot be sent"):
            client.score_numpy_arrays({"x": np.ones(1, complex)})


def test_nobody_there() -> None:
    with (
        PredictionClient("127.0.0.1", 9, timeout_s=10) as client,
        pytest.raises(TargetUnavailableError, match="5 tries"),
    ):
        client.score_numpy_arrays({"x": np.ones(1)})
