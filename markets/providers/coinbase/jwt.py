"""The short-lived token that Coinbase wants of those who have a key: ES256 or Ed25519.

Public data need none. Source: Coinbase Developer Platform, "API key authentication"; the claims
are those of its official client.
"""

import base64
import secrets
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx
import msgspec

LIFE_S = 120
PEM_MARK = "-----BEGIN"
SEED_BYTES = 32


class KeyFormatError(ValueError):
    """Raised for a secret that is neither a PEM key nor a base64 Ed25519 key."""


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the Coinbase Developer Platform: its name and its private part, never shown."""

    name: str
    _private: Any

    @classmethod
    def read(cls, name: str, secret: str) -> Self:
        """Return the key that the settings give: a PEM text (P-256) or base64 (Ed25519).

        Raises
        ------
        KeyFormatError
            If the secret is neither; the sentence does not contain it.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        plain = secret.strip().replace("\\n", "\n")
        message = "COINBASE_API_SECRET wants the private key as PEM, or as base64 of 64 bytes"
        try:
            if plain.startswith(PEM_MARK):
                return cls(name, load_pem_private_key(plain.encode(), password=None))
            raw = base64.b64decode(plain, validate=True)
            if len(raw) not in {SEED_BYTES, 2 * SEED_BYTES}:
                raise KeyFormatError(message)
            return cls(name, Ed25519PrivateKey.from_private_bytes(raw[:SEED_BYTES]))
        except (ValueError, TypeError):
            raise KeyFormatError(message) from None

    @classmethod
    def from_settings(cls, env: Mapping[str, Any]) -> Self | None:
        """Return the key of the settings, None where they have none."""
        name, secret = env["COINBASE_API_KEY"], env["COINBASE_API_SECRET"]
        return cls.read(name, secret) if name and secret else None

    def token(self, uri: str = "", *, now_s: int | None = None) -> str:
        """Return a fresh token; `uri` is `GET host/path` for a request, empty for a stream."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        now = int(time.time()) if now_s is None else now_s
        is_ed25519 = isinstance(self._private, Ed25519PrivateKey)
        head = {
            "alg": "EdDSA" if is_ed25519 else "ES256",
            "kid": self.name,
            "nonce": secrets.token_hex(16),
            "typ": "JWT",
        }
        claims: dict[str, Any] = {"sub": self.name, "iss": "cdp", "nbf": now, "exp": now + LIFE_S}
        if uri:
            claims["uri"] = uri
        signed = f"{_text(msgspec.json.encode(head))}.{_text(msgspec.json.encode(claims))}"
        return f"{signed}.{_text(self._sign(signed.encode(), is_ed25519=is_ed25519))}"

    def _sign(self, text: bytes, *, is_ed25519: bool) -> bytes:
        if is_ed25519:
            signature: bytes = self._private.sign(text)
            return signature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        r, s = decode_dss_signature(self._private.sign(text, ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class TokenAuth(httpx.Auth):
    """Signs each request of a client with a token of its own."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        where = f"{request.method} {request.url.host}{request.url.path}"
        request.headers["Authorization"] = f"Bearer {self._key.token(where)}"
        yield request
