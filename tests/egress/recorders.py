"""What records: a resolver that knows no name, and a reader of every packet that leaves."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Self

EVERY_PROTOCOL: Final = 3
IPV4, IPV6 = 0x0800, 0x86DD
PORTS: Final = {6: "tcp", 17: "udp"}
NO_SUCH_NAME: Final = 3
HOST_ADDRESS: Final = 1


class _Recorder(ABC):
    """A thread that reads a socket until it is closed."""

    def __init__(self, reading: socket.socket) -> None:
        self._socket = reading
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._socket.settimeout(0.2)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                data, sender = self._socket.recvfrom(65536)
            except TimeoutError:
                if self._ended.is_set():  # and what came before has been read
                    return
                continue
            try:
                self.got(data, sender)
            except (IndexError, ValueError, struct.error):
                self.unreadable(data)

    @abstractmethod
    def got(self, data: bytes, sender: Any) -> None:
        """Record what was read."""

    @abstractmethod
    def unreadable(self, data: bytes) -> None:
        """Record what cannot be interpreted."""


class Resolver(_Recorder):
    """Answers questions on port 53, and counts the names that were asked; only `known` names exist."""

    def __init__(self) -> None:
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listening.bind(("127.0.0.1", 53))
        super().__init__(listening)
        self._names: Counter[str] = Counter()
        self.known: Mapping[str, str] = {}
        """IPv4 addresses by name."""

    def names(self) -> Counter[str]:
        """Return how often each name was asked for."""
        return self._names

    def got(self, data: bytes, sender: Any) -> None:
        """Record a question and answer it."""
        name, end = question(data)
        self._names[name] += 1
        self._socket.sendto(answer(data[:end], self.known.get(name)), sender)

    def unreadable(self, data: bytes) -> None:
        """Record a question that is none."""
        self._names[f"unreadable question {data[:32].hex()}"] += 1


class Packets(_Recorder):
    """Counts the destinations of the packets that leave through an interface; those of multicast are not counted."""

    def __init__(self, interface: str) -> None:
        reading = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
        reading.bind((interface, EVERY_PROTOCOL))
        super().__init__(reading)
        self._destinations: Counter[str] = Counter()

    def destinations(self) -> Counter[str]:
        """Return how many packets went to each address, port and protocol."""
        return self._destinations

    def got(self, data: bytes, sender: Any) -> None:
        """Record a packet."""
        if (where := destination(data)) is not None:
            self._destinations[where] += 1

    def unreadable(self, data: bytes) -> None:
        """Record a packet that is cut off."""
        self._destinations[f"unreadable packet {data[:48].hex()}"] += 1


def question(data: bytes) -> tuple[str, int]:
    """Return the name that a DNS message asks for, and where its question ends."""
    at, labels = 12, []
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode("ascii", "backslashreplace"))
        at += 1 + length
    return ".".join(labels).lower(), at + 5


def answer(asked: bytes, address: str | None) -> bytes:
    """Return the answer to a question: "no such name" without an address, else the address if IPv4 is asked for."""
    records = b""
    if address is not None and struct.unpack(">H", asked[-4:-2])[0] == HOST_ADDRESS:
        pointer, internet, seconds = 0xC00C, 1, 5
        records = struct.pack(">HHHIH", pointer, HOST_ADDRESS, internet, seconds, 4) + socket.inet_aton(address)
    flags = 0x8180 | (NO_SUCH_NAME if address is None else 0)
    return asked[:2] + struct.pack(">HHHHH", flags, 1, int(bool(records)), 0, 0) + asked[12:] + records


def destination(frame: bytes) -> str | None:
    """Return where an Ethernet frame with an IP packet goes, as address, port and protocol; None for multicast."""
    kind, packet = struct.unpack(">H", frame[12:14])[0], frame[14:]
    if kind == IPV4:
        address, protocol, rest = packet[16:20], packet[9], packet[(packet[0] & 15) * 4 :]
    elif kind == IPV6:
        address, protocol, rest = packet[24:40], packet[6], packet[40:]
    else:
        return None
    where = ipaddress.ip_address(address)
    if where.is_multicast:
        return None
    if protocol not in PORTS:
        return f"{where} protocol {protocol}"
    return f"{where} port {struct.unpack('>H', rest[2:4])[0]} {PORTS[protocol]}"
