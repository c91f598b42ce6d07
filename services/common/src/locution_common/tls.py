"""TLS of servers and channels, from PEM files that change while the process runs: certificates are renewed in place."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import grpc

Pair: TypeAlias = tuple[Path, Path]
"""Files of a certificate chain and its private key."""

_log = logging.getLogger(__name__)
_Stamps: TypeAlias = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """What PEM files hold: private key and certificate chain, and authorities; None where there are no files."""

    pair: tuple[bytes, bytes] | None
    authorities: bytes | None


class PemFiles:
    """A certificate with its key, and certificates of authorities, read again when one of the files changes.

    While a certificate and its key do not match, as between two writes, the earlier contents stay, and a warning is
    logged. Raises OSError or ssl.SSLError if the first contents cannot be used.
    """

    def __init__(self, pair: Pair | None, authorities: Path | None) -> None:
        self._pair = pair
        self._authorities = authorities
        self._lock = Lock()
        self._seen = self._stamps()
        self.contents = self._read()

    def refresh(self) -> bool:
        """Read files that have changed, and return whether there are new contents to use."""
        with self._lock:
            try:
                stamps = self._stamps()
                if stamps == self._seen:
                    return False
                self._seen = stamps
                found = self._read()
            except (OSError, ssl.SSLError) as error:
                _log.warning(
                    "changed TLS files cannot be used; the earlier ones stay in use", extra={"why": str(error)}
                )
                return False
            if found == self.contents:
                return False
            self.contents = found
            _log.info("TLS files were renewed", extra={"files": [str(path) for path in self._paths()]})
            return True

    def _paths(self) -> Iterable[Path]:
        yield from self._pair or ()
        if self._authorities is not None:
            yield self._authorities

    def _stamps(self) -> _Stamps:
        found = (path.stat() for path in self._paths())
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)

    def _read(self) -> Contents:
        self._check()
        pair = None if self._pair is None else (self._pair[1].read_bytes(), self._pair[0].read_bytes())
        return Contents(pair, self._authorities.read_bytes() if self._authorities else None)

    def _check(self) -> None:
        """Raise ssl.SSLError unless the key is the certificate's and not encrypted, and the authorities can be read."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self._pair is not None:
            context.load_cert_chain(*self._pair, password="")
        if self._authorities is not None:
            context.load_verify_locations(self._authorities)


def server_credentials(pair: Pair, client_authorities: Path | None) -> grpc.ServerCredentials:
    """Return credentials of a server whose new connections use renewed files.

    With `client_authorities`, clients must show a certificate that one of them has signed.
    """
    files = PemFiles(pair, client_authorities)

    def renewed() -> Any:
        """Return other files, or None to go on with those before, which gRPC's types do not know."""
        return _configuration(files.contents) if files.refresh() else None

    return grpc.dynamic_ssl_server_credentials(
        _configuration(files.contents), renewed, require_client_authentication=client_authorities is not None
    )


def _configuration(contents: Contents) -> grpc.ServerCertificateConfiguration:
    pairs = [] if contents.pair is None else [contents.pair]
    return grpc.ssl_server_certificate_configuration(pairs, root_certificates=contents.authorities)


def channel_credentials(contents: Contents) -> grpc.ChannelCredentials:
    """Return credentials of a channel: the authorities to trust, and the certificate to show if there is one."""
    key, certificate = contents.pair or (None, None)
    return grpc.ssl_channel_credentials(contents.authorities, key, certificate)
