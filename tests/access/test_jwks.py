"""The key set of an issuer: fetched once for many, rotated, and never believed too much."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from app.access import jwks
from app.access.jwks import KeySet
from app.access.tokens import Verifier
from app.errors import UnauthorizedError, UnavailableError
from tests.access.signing import AUDIENCE, ISSUER, Pair, pairs, sign


class Issuer:
    """Publishes a key set on a port of its own."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.status = 200
        self.asked = 0
        self.url = ""
        self.odd = False
        self.raw: bytes | None = b""
        """What is answered when it is odd; None: a byte now and then."""
        self.followed = False

    def publish(self, key_id: str, pair: Pair, **changes: Any) -> None:
        algorithm = jwt.get_algorithm_by_name(pair.algorithm)
        entry = algorithm.to_jwk(pair.private.public_key(), as_dict=True)
        entry.pop("key_ops", None)
        self.keys.append({**entry, "kid": key_id, **changes})

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        self.followed |= b"/elsewhere" in request
        if self.odd:
            await self._answer_oddly(reader, writer)
            return
        body = json.dumps({"keys": self.keys}).encode()
        head = (
            f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async def _answer_oddly(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            if self.raw is None:
                writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\n")
                while not reader.at_eof():
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.02)
            else:
                writer.write(self.raw.replace(b"%s", f"{self.url}/elsewhere".encode()))
                await writer.drain()
        writer.close()


@asynccontextmanager
async def publishing(issuer: Issuer) -> AsyncIterator[KeySet]:
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
    async with server, KeySet(issuer.url) as keys:
        yield keys


def verifier(keys: KeySet) -> Verifier:
    return Verifier(keys, ISSUER, AUDIENCE)


def token(pair: Pair, key_id: str | None) -> str:
    headers = None if key_id is None else {"kid": key_id}
    return sign(key=pair.private, algorithm=pair.algorithm, headers=headers)


async def test_each_kind_of_key_and_one_fetch_for_many() -> None:
    issuer = Issuer()
    kinds = pairs()
    for number, pair in enumerate(kinds):
        issuer.publish(str(number), pair)
    async with publishing(issuer) as keys:
        checks = [
            verifier(keys).verify(token(pair, str(number)))
            for number, pair in enumerate(kinds)
            for _ in range(10)
        ]
        assert {caller.subject for caller in await asyncio.gather(*checks)} == {"alice"}
        assert issuer.asked == 1
        with pytest.raises(UnauthorizedError):
            await verifier(keys).verify(token(kinds[0], "1"))
        with pytest.raises(UnauthorizedError):
            await verifier(keys).verify(token(kinds[0], None))


async def test_a_key_that_is_new_is_fetched_and_an_old_one_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jwks, "UNKNOWN_SECONDS", 0.0)
    issuer = Issuer()
    old, new = (Pair("ES256", ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    issuer.publish("old", old)
    async with publishing(issuer) as keys:
        await verifier(keys).verify(token(old, "old"))
        await verifier(keys).verify(token(old, None))
        issuer.keys.clear()
        issuer.publish("new", new)
        await verifier(keys).verify(token(new, "new"))
        with pytest.raises(UnauthorizedError):
            await verifier(keys).verify(token(old, "old"))


async def test_made_up_key_ids_are_no_load_on_the_issuer() -> None:
    issuer = Issuer()
    pair = Pair("EdDSA", ed25519.Ed25519PrivateKey.generate())
    issuer.publish("a", pair)
    async with publishing(issuer) as keys:
        for number in range(50):
            with pytest.raises(UnauthorizedError):
                await verifier(keys).verify(token(pair, f"made up {number}"))
        assert issuer.asked == 1


async def test_while_the_issuer_is_away_what_was_fetched_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jwks, "UNKNOWN_SECONDS", 0.0)
    issuer = Issuer()
    pair = Pair("EdDSA", ed25519.Ed25519PrivateKey.generate())
    issuer.publish("a", pair)
    issuer.status = 500
    async with publishing(issuer) as keys:
        with pytest.raises(UnavailableError):
            await verifier(keys).verify(token(pair, "a"))
        issuer.status = 200
        await verifier(keys).verify(token(pair, "a"))
        issuer.status = 500
        await verifier(keys).verify(token(pair, "a"))
        with pytest.raises(UnauthorizedError):
            await verifier(keys).verify(token(pair, "b"))
        await verifier(keys).verify(token(pair, "a"))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
        b'HTTP/1.1 200 X\r\n\r\n{"keys": [' + b" " * (jwks.MAX_SET_BYTES + 1) + b"]}",
        b"HTTP/1.1 200 X\r\n\r\n" + b"[" * 100_000,
        b'HTTP/1.1 200 X\r\n\r\n{"keys": {}}',
        b"HTTP/1.1 200 X\r\n\r\n\xff\xfe",
        b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b",
        b"no HTTP at all\r\n\r\n",
        b"",
        None,
    ],
    ids=[
        "elsewhere",
        "a file",
        "huge",
        "nested",
        "no list",
        "no UTF-8",
        "gzip",
        "other",
        "",
        "slow",
    ],
)
async def test_an_odd_answer_is_no_set_and_a_good_one_later_is(
    answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is, no request waits for long, nothing is followed, and it is asked again."""
    monkeypatch.setattr(jwks, "UNKNOWN_SECONDS", 0.0)
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.5)
    issuer = Issuer()
    pair = Pair("EdDSA", ed25519.Ed25519PrivateKey.generate())
    issuer.publish("a", pair)
    issuer.raw = answer
    issuer.odd = True
    async with publishing(issuer) as keys:
        with pytest.raises(UnavailableError):
            await verifier(keys).verify(token(pair, "a"))
        assert not issuer.followed
        issuer.odd = False
        assert (await verifier(keys).verify(token(pair, "a"))).subject == "alice"


async def test_keys_with_odd_names_spoil_no_other() -> None:
    issuer = Issuer()
    pair = Pair("EdDSA", ed25519.Ed25519PrivateKey.generate())
    odd: tuple[Any, ...] = ([], {}, 7, None)
    for name in odd:
        issuer.publish("a", pair, kid=name)
    issuer.keys += [{"kty": kind} for kind in (*odd, "OKP", "EC", "RSA")]
    issuer.publish("good", pair)
    async with publishing(issuer) as keys:
        assert (await verifier(keys).verify(token(pair, "good"))).subject == "alice"


async def test_what_is_no_public_signing_key_is_no_key() -> None:
    issuer = Issuer()
    good = Pair("EdDSA", ed25519.Ed25519PrivateKey.generate())
    issuer.publish("encryption", good, use="enc")
    issuer.publish("other algorithm", good, alg="RS256")
    issuer.publish("small", Pair("RS256", rsa.generate_private_key(65537, 1024)))  # noqa: S505
    issuer.publish("P-384", Pair("ES384", ec.generate_private_key(ec.SECP384R1())))
    secret = {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "secret", "alg": "HS256"}
    ed25519_algorithm = jwt.get_algorithm_by_name("EdDSA")
    private = {**ed25519_algorithm.to_jwk(good.private, as_dict=True), "kid": "private"}
    small = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "kid": "small order"}
    issuer.keys += [secret, private, small, {"kty": "RSA", "kid": "broken"}, {}]
    issuer.publish("good", good)
    async with publishing(issuer) as keys:
        await verifier(keys).verify(token(good, "good"))
        refused = ("encryption", "other algorithm", "small", "P-384", "secret", "private")
        for name in (*refused, "small order", "broken"):
            with pytest.raises(UnauthorizedError, match="does not have"):
                await keys.find(name)
