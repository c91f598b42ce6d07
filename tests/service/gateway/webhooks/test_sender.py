"""The sender over real sockets: where it connects, and what it does not put up with."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from locution_gateway.webhooks.guard import Guard
from locution_gateway.webhooks.ports import Address
from locution_gateway.webhooks.sender import MAX_ANSWER, HttpSender, trusting

from tests.service.gateway.webhooks.receiver import Receiver, answer, listening, receiving

ONLY_ONE = Guard.read("127.0.0.1/32", http=True)


class Answers:
    """A resolver that gives each answer once, in order: what a name server of an attacker does."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.left = [[ipaddress.ip_address(text) for text in each] for each in answers]
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[Address]:
        self.asked.append(host)
        if not self.left:
            raise OSError("no such name")
        return self.left.pop(0)


def sender(
    resolver: Answers, guard: Guard = ONLY_ONE, seconds: float = 5.0, trust: ssl.SSLContext | None = None
) -> HttpSender:
    return HttpSender(guard, resolver, timedelta(seconds=seconds), trust or trusting())


async def test_a_name_is_resolved_once_and_that_address_is_used() -> None:
    """The second answer would lead to an address that is refused; nobody asks for it."""
    async with receiving() as receiver, receiving("127.0.0.2", receiver.port) as inner:
        resolver = Answers(["127.0.0.1"], ["127.0.0.2"])
        outcome = await sender(resolver).send(f"http://rebind.test:{receiver.port}/x", {}, b"{}")
        assert outcome.status == 204
        assert resolver.asked == ["rebind.test"]
        assert [got.headers["host"] for got in receiver.received] == [f"rebind.test:{receiver.port}"]
        again = await sender(resolver).send(f"http://rebind.test:{receiver.port}/x", {}, b"{}")
        assert again.error is not None
        assert again.error.startswith("refused:")
        assert inner.received == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1", "10.0.0.1"], ["10.0.0.1"], ["127.0.0.2"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"], ["fe80::1"]],
)
async def test_one_refused_address_refuses_all(addresses: list[str]) -> None:
    async with receiving() as receiver:
        outcome = await sender(Answers(addresses)).send(f"http://mixed.test:{receiver.port}/", {}, b"{}")
        assert outcome.error is not None
        assert outcome.error.startswith("refused: the host does not resolve")
        assert receiver.received == []


async def test_a_second_address_is_tried_when_the_first_does_not_answer() -> None:
    async with receiving() as receiver:
        guard = Guard.read("127.0.0.0/8", http=True)
        outcome = await sender(Answers(["127.0.0.9", "127.0.0.1"]), guard).send(
            f"http://two.test:{receiver.port}/", {}, b"{}"
        )
        assert outcome.delivered


async def test_redirects_are_not_followed() -> None:
    async with receiving() as receiver, receiving() as target:
        receiver.script = [answer(307, f"Location: {target.url}")]
        outcome = await sender(Answers()).send(receiver.url, {}, b"{}")
        assert (outcome.status, outcome.error) == (307, "answered 307; redirects are not followed")
        assert target.received == []


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver, receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert (await sender(Answers()).send(receiver.url, {}, b"{}")).delivered
        assert proxy.received == []


async def test_an_answer_without_end_is_cut_off() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 16384)
            await writer.drain()
            sent += 16384

    async with listening(flood) as port:
        outcome = await sender(Answers()).send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert outcome.delivered
    # What the socket's buffers hold beyond what was read.
    assert sent < MAX_ANSWER + 16 * 1024 * 1024


async def test_an_answer_that_trickles_runs_into_the_limit_on_time() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with listening(trickle) as port, asyncio.timeout(30):
        outcome = await sender(Answers(), seconds=0.5).send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert outcome.error == "no answer within 0.5 s"


async def test_headers_without_end_are_refused() -> None:
    async with receiving() as receiver:
        receiver.script = [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000]
        outcome = await sender(Answers()).send(receiver.url, {}, b"{}")
        assert outcome.error == "could not be sent: RemoteProtocolError"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1/", "could not be sent: ConnectError"),
        ("http://nowhere.test/", "refused: the host does not resolve to public addresses"),
        ("https://10.0.0.1/", "refused: the host does not resolve to public addresses"),
    ],
)
async def test_what_cannot_be_reached_is_told(url: str, error: str) -> None:
    assert (await sender(Answers()).send(url, {}, b"{}")).error == error


async def test_retry_after_is_read() -> None:
    async with receiving() as receiver:
        receiver.script = [answer(429, "Retry-After: 17"), answer(503, "Retry-After: Fri, 31 Dec 2027 23:59:59 GMT")]
        assert (await sender(Answers()).send(receiver.url, {}, b"{}")).retry_after == timedelta(seconds=17)
        assert (await sender(Answers()).send(receiver.url, {}, b"{}")).retry_after is None


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of `hooks.test` alone, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = (folder / "cert.pem", folder / "key.pem")
    pem[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    pem[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
    return pem


async def test_tls_keeps_the_name_of_an_address_that_was_judged(certificate: tuple[Path, Path]) -> None:
    names: list[str | None] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    trust = trusting(certificate[0])
    guard = Guard.read("127.0.0.1/32", http=False)
    async with receiving(tls=server) as receiver:
        trusted = sender(Answers(["127.0.0.1"]), guard, trust=trust)
        outcome = await trusted.send(f"https://hooks.test:{receiver.port}/in", {}, b"{}")
        assert outcome.delivered, outcome
        assert (names, receiver.received[0].headers["host"]) == (["hooks.test"], f"hooks.test:{receiver.port}")
        other = sender(Answers(["127.0.0.1"]), guard, trust=trust)
        wrong = await other.send(f"https://other.test:{receiver.port}/in", {}, b"{}")
        assert (wrong.error or "").startswith("the certificate is not trusted: Hostname mismatch")
        public = sender(Answers(["127.0.0.1"]), guard)
        unknown = await public.send(f"https://hooks.test:{receiver.port}/in", {}, b"{}")
        assert (unknown.error or "").startswith("the certificate is not trusted: self-signed")
        assert len(receiver.received) == 1


async def test_plain_http_needs_the_setting() -> None:
    async with receiving() as receiver:
        strict = sender(Answers(), Guard.read("127.0.0.0/8", http=False))
        outcome = await strict.send(receiver.url, {}, b"{}")
        assert outcome.error == "refused: only https is allowed here"
        _none(receiver)


def _none(receiver: Receiver) -> None:
    assert receiver.received == []


async def test_an_unknown_host_is_refused_in_the_words_of_an_internal_one() -> None:
    class Unknown(Answers):
        async def resolve(self, host: str, port: int) -> Sequence[Address]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    unknown = await sender(Unknown()).send("https://nobody.example/", {}, b"{}")
    internal = await sender(Answers(["10.0.0.1"])).send("https://internal.example/", {}, b"{}")
    assert unknown.error == internal.error == "refused: the host does not resolve to public addresses"
