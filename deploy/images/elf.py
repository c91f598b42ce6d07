"""Read 64-bit little-endian ELF shared libraries, shrink them, and write stubs for libraries that are left out.

Only what the dynamic linker looks at: elf(5), and the System V ABI for symbol versions.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT: Final = struct.Struct("<IIQQQQQQ")
SECTION: Final = struct.Struct("<IIQQQQIIQQ")
SYMBOL: Final = struct.Struct("<IBBHQQ")
ENTRY: Final = struct.Struct("<qQ")

LOAD, DYNAMIC, GNU_STACK = 1, 2, 0x6474E551
SHT_DYNAMIC, SHT_DYNSYM, SHT_VERNEED, SHT_VERSYM = 6, 11, 0x6FFFFFFE, 0x6FFFFFFF
NEEDED, SONAME = 1, 14
OBJECT, FUNCTION = 1, 2
WEAK = 2


class Segment(NamedTuple):
    """A program header."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int
    in_file: int
    in_memory: int
    align: int


class Section(NamedTuple):
    """A section header."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry_size: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A dynamic symbol; `library` and `version` say whose version an undefined one wants, if any."""

    name: str
    type: int
    weak: bool
    defined: bool
    size: int
    library: str = ""
    version: str = ""


class Library:
    """A shared library with its sections. Raises ValueError if the file is none."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes()
        if self.content[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is not a 64-bit little-endian ELF file")
        header = HEADER.unpack_from(self.content)
        self.machine: int = header[2]
        section_offset, section_count = header[6], header[12]
        self._sections = [
            Section(*SECTION.unpack_from(self.content, section_offset + SECTION.size * at))
            for at in range(section_count)
        ]

    def needed(self) -> list[str]:
        """Return the names of the libraries that this one needs."""
        [dynamic] = self._of_type(SHT_DYNAMIC)
        entries = ENTRY.iter_unpack(self._bytes(dynamic))
        return [self._string(dynamic, value) for tag, value in entries if tag == NEEDED]

    def symbols(self) -> list[Symbol]:
        """Return the dynamic symbols."""
        [table] = self._of_type(SHT_DYNSYM)
        wanted = self._versions()
        indexes = [
            index
            for section in self._of_type(SHT_VERSYM)
            for (index,) in struct.iter_unpack("<H", self._bytes(section))
        ]
        found = []
        for at, (name, info, _, section, _, size) in enumerate(SYMBOL.iter_unpack(self._bytes(table))):
            library, version = wanted.get(indexes[at], ("", "")) if indexes else ("", "")
            text = self._string(table, name)
            found.append(Symbol(text, info & 15, info >> 4 == WEAK, section != 0, size, library, version))
        return found[1:]

    def _versions(self) -> dict[int, tuple[str, str]]:
        """Return (library, version) by the index that symbols name them with."""
        versions = {}
        for section in self._of_type(SHT_VERNEED):
            at = section.offset
            for _ in range(section.info):
                _, count, file, first, following = struct.unpack_from("<HHIII", self.content, at)
                inner = at + first
                for _ in range(count):
                    _, _, index, name, step = struct.unpack_from("<IHHII", self.content, inner)
                    versions[index] = (self._string(section, file), self._string(section, name))
                    inner += step
                at += following
        return versions

    def _of_type(self, wanted: int) -> list[Section]:
        return [section for section in self._sections if section.type == wanted]

    def _bytes(self, section: Section) -> bytes:
        return self.content[section.offset : section.offset + section.size]

    def _string(self, section: Section, at: int) -> str:
        begin = self._sections[section.link].offset + at
        return self.content[begin : self.content.index(b"\0", begin)].decode()


def shrink(content: bytes) -> bytes:
    """Return a library without the bytes that no segment loads: debug information, section headers and their like.

    A layout that this function does not know comes back as it is.
    """
    header = list(HEADER.unpack_from(content))
    segments = [Segment(*SEGMENT.unpack_from(content, header[5] + SEGMENT.size * at)) for at in range(header[10])]
    moves = _moves(sorted((one for one in segments if one.type == LOAD), key=lambda one: one.offset))
    try:
        places = [_place(moves, one.offset, one.in_file) for one in segments]
        table = _place(moves, header[5], SEGMENT.size * header[10])
    except LookupError:
        return content
    result = bytearray(max(new + length for _, new, length in moves))
    for old, new, length in moves:
        result[new : new + length] = content[old : old + length]
    for at, (one, place) in enumerate(zip(segments, places, strict=True)):
        SEGMENT.pack_into(result, table + SEGMENT.size * at, *one._replace(offset=place))
    header[5], header[6], header[12], header[13] = table, 0, 0, 0
    HEADER.pack_into(result, 0, *header)
    return bytes(result)


def _moves(loads: Sequence[Segment]) -> list[tuple[int, int, int]]:
    """Return (old offset, new offset, length) of each loaded segment. Offsets keep their place within the alignment."""
    moves, end, read = [], 0, 0
    for one in loads:
        if one.offset < read:
            return []
        new = end + (one.offset - end) % max(one.align, 1)
        moves.append((one.offset, new, one.in_file))
        end, read = new + one.in_file, one.offset + one.in_file
    return moves if moves and moves[0][:2] == (0, 0) else []


def _place(moves: list[tuple[int, int, int]], offset: int, length: int) -> int:
    for old, new, size in moves:
        if old <= offset and offset + length <= old + size:
            return new + offset - old
    raise LookupError


X86_64, AARCH64 = 62, 183
# The largest page that a kernel of the machine may use.
PAGE: Final = {X86_64: 4096, AARCH64: 65536}
# The relocation that adds the library's own address.
_RELATIVE: Final = {X86_64: 8, AARCH64: 1027}
# Functions of a stub: one returns 100, CUDA's "no device"; one traps. Others return an address: see _address().
_NO_DEVICE: Final = {X86_64: bytes.fromhex("b864000000c39090"), AARCH64: bytes.fromhex("800c8052c0035fd6")}
_TRAP: Final = {X86_64: bytes.fromhex("0f0b909090909090"), AARCH64: bytes.fromhex("000020d41f2003d5")}
NO_DEVICE_TEXT: Final = "no CUDA device: this build of torch computes on CPUs only"
_STUB: Final = 8
_CELL: Final = 16
_DYNAMIC_SIZE: Final = ENTRY.size * 14


def _address(machine: int, distance: int) -> bytes:
    """Return a function that returns an address at a distance from its own."""
    if machine == X86_64:
        return b"\x48\x8d\x05" + struct.pack("<i", distance - 7) + b"\xc3"
    return struct.pack("<II", 0x10000000 | (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5, 0xD65F03C0)


@dataclass(frozen=True, slots=True)
class Stub:
    """A library that stands in for CUDA.

    Its functions return the error "no device" (reporting) or that error's text (describing), or end the process
    (trapping), or return the address of a cell that may be written (referring). Its objects are zero.
    """

    name: str
    machine: int
    reporting: tuple[Symbol, ...] = ()
    trapping: tuple[Symbol, ...] = ()
    referring: tuple[Symbol, ...] = ()
    objects: tuple[Symbol, ...] = ()
    describing: tuple[Symbol, ...] = ()

    def content(self) -> bytes:
        """Return the file."""
        return _Writer(self).content()


class _Strings:
    """A string table."""

    def __init__(self) -> None:
        self.content = bytearray(b"\0")
        self._at: dict[str, int] = {"": 0}

    def add(self, text: str) -> int:
        if text not in self._at:
            self._at[text] = len(self.content)
            self.content += text.encode() + b"\0"
        return self._at[text]


class _Writer:
    """Lays a stub out: two segments, one to read and execute, one to write."""

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.functions = [*stub.reporting, *stub.trapping, *stub.referring, *stub.describing]
        self.symbols = [*self.functions, *stub.objects]
        self.strings = _Strings()
        self.versions = sorted({symbol.version for symbol in self.symbols} - {""})
        for text in (NO_DEVICE_TEXT, stub.name, *self.versions, *(symbol.name for symbol in self.symbols)):
            self.strings.add(text)
        # The type information of a class holds its name, by which C++ compares types.
        self.names = [symbol for symbol in stub.objects if symbol.name.startswith("_ZTI")]
        for symbol in self.names:
            self.strings.add(symbol.name.removeprefix("_ZTI"))

    def content(self) -> bytes:
        sizes = {
            "head": HEADER.size + 4 * SEGMENT.size,
            "symbols": SYMBOL.size * (1 + len(self.symbols)),
            "indexes": 2 * (1 + len(self.symbols)),
            "versions": 28 * (1 + len(self.versions)),
            "hash": 4 * (3 + 1 + len(self.symbols)),
            "strings": len(self.strings.content),
            "relocations": 24 * len(self.names),
            "code": _STUB * len(self.functions),
        }
        at, end = {}, 0
        for part, size in sizes.items():
            at[part] = _aligned(end, 16)
            end = at[part] + size
        at["dynamic"] = _aligned(end, PAGE[self.stub.machine])
        at["cell"] = at["dynamic"] + _DYNAMIC_SIZE
        at["objects"] = at["cell"] + _CELL
        values = self._addresses(at["code"], at["objects"])
        parts = {
            "symbols": self._symbols(values),
            "indexes": self._indexes(),
            "versions": self._versions(),
            "hash": self._hash(),
            "strings": bytes(self.strings.content),
            "relocations": b"".join(self._relocations(values, at["strings"])),
            "code": self._code(at),
            "dynamic": self._dynamic(at, sizes),
        }
        length = at["objects"] + sum(_aligned(symbol.size, 16) for symbol in self.stub.objects)
        result = bytearray(length)
        result[: sizes["head"]] = self._head(end, at["dynamic"], length)
        for part, content in parts.items():
            result[at[part] : at[part] + len(content)] = content
        return bytes(result)

    def _addresses(self, code: int, objects: int) -> list[int]:
        addresses = [code + _STUB * at for at in range(len(self.functions))]
        for symbol in self.stub.objects:
            addresses.append(objects)
            objects += _aligned(symbol.size, 16)
        return addresses

    def _head(self, code_end: int, data: int, length: int) -> bytes:
        ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
        header = HEADER.pack(
            ident, 3, self.stub.machine, 1, 0, HEADER.size, 0, 0, HEADER.size, SEGMENT.size, 4, 0, 0, 0
        )
        page = PAGE[self.stub.machine]
        segments = (
            Segment(LOAD, 5, 0, 0, 0, code_end, code_end, page),
            Segment(LOAD, 6, data, data, data, length - data, length - data, page),
            Segment(DYNAMIC, 6, data, data, data, _DYNAMIC_SIZE, _DYNAMIC_SIZE, 8),
            Segment(GNU_STACK, 6, 0, 0, 0, 0, 0, 16),
        )
        return header + b"".join(SEGMENT.pack(*segment) for segment in segments)

    def _symbols(self, addresses: list[int]) -> bytes:
        rows = [SYMBOL.pack(0, 0, 0, 0, 0, 0)]
        for symbol, address in zip(self.symbols, addresses, strict=True):
            kind = OBJECT if symbol in self.stub.objects else FUNCTION
            # Global, default visibility, in "some section": the linker wants a number that is not 0.
            rows.append(SYMBOL.pack(self.strings.add(symbol.name), 1 << 4 | kind, 0, 1, address, symbol.size or _STUB))
        return b"".join(rows)

    def _indexes(self) -> bytes:
        numbers = {"": 1} | {version: 2 + at for at, version in enumerate(self.versions)}
        return struct.pack(f"<{1 + len(self.symbols)}H", 0, *(numbers[symbol.version] for symbol in self.symbols))

    def _versions(self) -> bytes:
        names = [self.stub.name, *self.versions]
        rows = []
        for at, name in enumerate(names):
            following = 28 if at + 1 < len(names) else 0
            rows.append(struct.pack("<HHHHIII", 1, at == 0, at + 1, 1, _hash(name), 20, following))
            rows.append(struct.pack("<II", self.strings.add(name), 0))
        return b"".join(rows)

    def _hash(self) -> bytes:
        """Return a hash table of one bucket: a stub's few hundred symbols are looked up once."""
        count = 1 + len(self.symbols)
        chain = [0, *(at + 1 for at in range(1, count - 1)), 0]
        return struct.pack(f"<{3 + count}I", 1, count, 1, *chain)

    def _relocations(self, addresses: list[int], strings: int) -> Iterator[bytes]:
        for symbol, address in zip(self.symbols, addresses, strict=True):
            if symbol in self.names:
                name = strings + self.strings.add(symbol.name.removeprefix("_ZTI"))
                yield struct.pack("<QQq", address + 8, _RELATIVE[self.stub.machine], name)

    def _code(self, at: dict[str, int]) -> bytes:
        stub = self.stub
        code = _NO_DEVICE[stub.machine] * len(stub.reporting) + _TRAP[stub.machine] * len(stub.trapping)
        text = at["strings"] + self.strings.add(NO_DEVICE_TEXT)
        for target in [at["cell"]] * len(stub.referring) + [text] * len(stub.describing):
            code += _address(stub.machine, target - at["code"] - len(code))
        return code

    def _dynamic(self, at: dict[str, int], sizes: dict[str, int]) -> bytes:
        entries = (
            (SONAME, self.strings.add(self.stub.name)),
            (4, at["hash"]),
            (5, at["strings"]),
            (6, at["symbols"]),
            (7, at["relocations"]),
            (8, sizes["relocations"]),
            (9, 24),
            (10, sizes["strings"]),
            (11, SYMBOL.size),
            (0x6FFFFFF0, at["indexes"]),
            (0x6FFFFFFC, at["versions"]),
            (0x6FFFFFFD, 1 + len(self.versions)),
            (0, 0),
            (0, 0),
        )
        return b"".join(ENTRY.pack(tag, value) for tag, value in entries)


def _aligned(value: int, to: int) -> int:
    return -(-value // to) * to


def _hash(name: str) -> int:
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high
    return value


def shared_libraries(folder: Path) -> list[Path]:
    """Return the shared libraries below a folder, in order."""
    return sorted(path for path in folder.rglob("*.so*") if path.is_file() and not path.is_symlink())
