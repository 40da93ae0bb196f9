"""The certificate that a service's containers serve with: checked on this machine, put into the service's volume."""

from __future__ import annotations

import ssl
from pathlib import Path

from ..errors import InvalidConfigurationError
from .docker_config import DockerConfig
from .docker_house import Part


def certificate_files(revision: int) -> tuple[str, str]:
    """Return the names of the files with a revision's certificate and its private key."""
    return f"tls-{revision}.crt", f"tls-{revision}.key"


def is_secure(part: Part | None) -> bool:
    """Say whether a revision's container serves with a certificate."""
    return part is not None and bool((part.facts.get("config") or {}).get("tls_certificate_file"))


def read_certificate(config: DockerConfig, revision: int, *, renew: bool = False) -> dict[str, bytes]:
    """Return the files for the volume, {} where the service has no certificate.

    Args:
        renew: the volume has a certificate; it stays when there is none on this machine, as after an adoption.

    Raises:
        InvalidConfigurationError: a file cannot be read, or key and certificate do not belong together.
    """
    if config.tls_certificate_file is None or config.tls_key_file is None:
        return {}
    certificate, key = (Path(item).expanduser() for item in (config.tls_certificate_file, config.tls_key_file))
    if renew and not certificate.exists() and not key.exists():
        return {}
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
        return dict(zip(certificate_files(revision), (certificate.read_bytes(), key.read_bytes()), strict=True))
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or str(error)
        raise InvalidConfigurationError(
            f"The certificate {certificate} with the key {key} cannot be used: {reason}.",
            problems=[{"field": "tls_certificate_file", "message": reason}],
            hint="Both are PEM files on this machine, the certificate before those that signed it.",
        ) from error
