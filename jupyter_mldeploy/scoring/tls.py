"""The server's certificate, read again when its file changes: renewing it needs no restart."""

from __future__ import annotations

import logging
import ssl

from .errors import SettingsError
from .settings import Settings
from .stamps import file_stamps

logger = logging.getLogger("mldeploy.scoring")


class Certificate:
    """Gives the context for new connections.

    Raises:
        SettingsError: the files cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._files = (settings.tls_certificate_file, settings.tls_key_file or settings.tls_certificate_file)
        self._stamp = file_stamps(self._files)
        self._context = self._load()

    def context(self) -> ssl.SSLContext:
        """Return the context in force."""
        return self._context

    def refresh(self) -> None:
        """Take over changed files; keep the certificate in force when the new one cannot be used."""
        stamp = file_stamps(self._files)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._context = self._load()
            logger.info("The certificate was read again.")
        except SettingsError as error:
            logger.error("The certificate stays as it was. %s", error)  # noqa: TRY400

    def _load(self) -> ssl.SSLContext:
        certificate, key = self._files
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            names = "MLDEPLOY_TLS_CERTIFICATE_FILE, MLDEPLOY_TLS_KEY_FILE"
            raise SettingsError(f"{names}: {certificate} and {key} cannot be used: {error}.") from error
        return context
