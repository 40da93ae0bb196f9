"""TLS and Unix sockets."""

from __future__ import annotations

import datetime as dt
import http.client
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.patience import FACTOR

from .worker_process import PLAIN, Worker, ask_on, serving, wait_until

ECHO = PLAIN + "def run(data):\n    return data\n"


def test_without_uvloop(tmp_path: Path) -> None:
    script = (
        "import sys\nsys.modules['uvloop'] = None\n"
        + PLAIN
        + (
            "import time\ndef run(data):\n    if data == 'slow':\n        time.sleep(60)\n"
            "    return (part for part in 'abc') if data == 'stream' else [len(data), sys.modules['uvloop']]\n"
        )
    )
    with serving(tmp_path, script, settings={"scoring_timeout_ms": 2000}) as worker:
        with worker.connect() as client:
            for body in (b"x", b"y" * 500_000):
                client.send(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                assert client.answer().json() == [len(body), None]
        assert worker.ask("POST", "/score", "stream").body == b"abc"
        assert worker.ask("POST", "/score", "slow").message == "Scoring timeout after 2000 ms"
        worker.tell("drain")
        assert worker.wait() == 0


def write_certificate(directory: Path, name: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "tls.crt", directory / "tls.key"
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return str(certificate_file), str(key_file)


def https(worker: Worker, trusted: str, name: str) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=trusted)
    connection = http.client.HTTPSConnection("127.0.0.1", worker.port, timeout=10 * FACTOR, context=context)
    plain = socket.create_connection(("127.0.0.1", worker.port), timeout=10 * FACTOR)
    try:
        connection.sock = context.wrap_socket(plain, server_hostname=name)
    except ssl.SSLError:
        plain.close()
        raise
    return connection


def test_tls_and_a_renewed_certificate(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, "one.test")
    settings = {"tls_certificate_file": certificate, "tls_key_file": key, "header_timeout_s": 5}
    with serving(tmp_path, ECHO, settings=settings) as worker:
        first = https(worker, certificate, "one.test")
        assert ask_on(first, "POST", "/score", "x" * 300_000).json() == "x" * 300_000
        with worker.connect() as client:  # plain HTTP and nothing at all do not hold anybody up
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.rest() == b""
        (tmp_path / "new").mkdir()
        new_certificate, new_key = write_certificate(tmp_path / "new", "two.test")
        Path(new_key).replace(key)
        Path(new_certificate).replace(certificate)

        def renewed() -> bool:
            try:
                second = https(worker, certificate, "two.test")
            except ssl.SSLError:
                return False
            answer = ask_on(second, "POST", "/score", "y")
            second.close()
            return answer.json() == "y"

        wait_until(renewed)
        assert ask_on(first, "POST", "/score", "z").json() == "z"  # the open connection goes on
        Path(certificate).write_text("broken")
        worker.wait_for_log(lambda line: "The certificate stays" in line["message"])
        first.close()


def test_unusable_certificate_stops_the_start(tmp_path: Path) -> None:
    worker = Worker(tmp_path, ECHO, settings={"tls_certificate_file": str(tmp_path / "none.crt")})
    try:
        failed = worker.wait_for("failed")
        assert "MLDEPLOY_TLS_CERTIFICATE_FILE" in failed["message"]
        assert "none.crt" in failed["message"]
    finally:
        worker.stop()


def test_request_over_tls_knows_its_scheme(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path, "one.test")
    script = (
        "from azureml.contrib.services.aml_request import rawhttp\ndef init(): pass\n"
        "@rawhttp\ndef run(request): return [request.scheme, request.url]\n"
    )
    with serving(tmp_path, script, settings={"tls_certificate_file": certificate, "tls_key_file": key}) as worker:
        connection = https(worker, certificate, "one.test")
        assert ask_on(connection, "GET", "/score", None, {"Host": "one.test"}).json() == [
            "https",
            "https://one.test/score",
        ]
        connection.close()


@pytest.mark.parametrize("kind", ["text", "raw"])
def test_unix_socket(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "service.sock"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()
    script = (
        ECHO
        if kind == "text"
        else (
            "from azureml.contrib.services.aml_request import rawhttp\ndef init(): pass\n"
            "@rawhttp\ndef run(request): return request.get_data(as_text=True)\n"
        )
    )
    with serving(tmp_path, script, listening=listening):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(path))
        client.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
        received = b""
        while part := client.recv(4096):
            received += part
        client.close()
        assert received.endswith(b'"abc"')
