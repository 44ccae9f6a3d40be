"""Where a daemon is found: its url, the names it goes by, and the certificate it shows."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from farm.errors import SettingsError

if TYPE_CHECKING:
    from farm.settings import Api

DEFAULT_PORTS = (80, 443)


@dataclass(frozen=True)
class Address:
    """Of a daemon that listens."""

    url: str
    """For this computer's own commands."""
    hosts: frozenset[str]
    """Host headers let in, in lower case: a page rebound to our address carries another."""
    tls: ssl.SSLContext | None
    certificate: str
    """PEM; empty without TLS."""


def address(api: Api, host: str, port: int) -> Address:
    """Of what listens on `host` and `port`.

    Raises:
        SettingsError: certificate or key cannot be used.
    """
    tls, certificate = _tls(api)
    anywhere = ipaddress.ip_address(host).is_unspecified
    own = ("[::1]" if ":" in host else "127.0.0.1") if anywhere else (f"[{host}]" if ":" in host else host)
    names = {own, "localhost"}
    given = {name.lower() for name in api.names}
    hosts = {f"{name}:{port}" for name in names | given} | {name for name in given if _has_port(name)}
    if port in DEFAULT_PORTS:  # which browsers and clients leave out
        hosts |= names | given
    return Address(f"{'https' if tls else 'http'}://{own}:{port}", frozenset(hosts), tls, certificate)


def _has_port(name: str) -> bool:
    return ":" in name.rpartition("]")[2]


def _tls(api: Api) -> tuple[ssl.SSLContext | None, str]:
    if not api.tls_cert:
        return None, ""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        tls.load_cert_chain(api.tls_cert, api.tls_key, password=_no_passphrase)
        return tls, Path(api.tls_cert).read_text("utf-8")
    except (OSError, ValueError) as e:  # ssl.SSLError is an OSError
        raise SettingsError(
            f"cannot be used: {e.strerror if isinstance(e, OSError) and e.strerror else e}",
            where=f"api.tls_cert {api.tls_cert}, api.tls_key {api.tls_key}",
            remedy="both must be PEM files that this user can read, and the key that of the certificate, without a passphrase",
        ) from e


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")
