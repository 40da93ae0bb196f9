"""When certificates end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

#: Days before its end from which a certificate is warned about.
WARN_DAYS = 30


def ends(certificate_file: str) -> datetime | None:
    """Return when a certificate (PEM) ends, None when it cannot be read."""
    try:
        from cryptography import x509

        return x509.load_pem_x509_certificate(Path(certificate_file).expanduser().read_bytes()).not_valid_after_utc
    except (ImportError, OSError, ValueError):
        return None


def warning(certificate_file: str, *, now: datetime | None = None) -> str | None:
    """Return what to tell about a certificate that ends soon or has ended, None when all is well."""
    end = ends(certificate_file)
    if end is None:
        return None
    days = (end - (now or datetime.now(UTC))).total_seconds() / 86_400
    if days > WARN_DAYS:
        return None
    when = f"{end:%Y-%m-%d}"
    told = f"The certificate ended on {when}" if days < 0 else f"The certificate ends on {when}, in {days:.0f} days"
    return f"{told}; renew {certificate_file}, then `start` hands it to the pods without a restart."
