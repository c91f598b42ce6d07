"""The dynamic linker loads stubs with every symbol, and shrunk libraries still work."""

from __future__ import annotations

import ctypes
import importlib.util
import signal
import struct
import subprocess
import sys
from pathlib import Path

import elf
import pytest
from elf import Library, Stub, Symbol

MACHINE = Library(Path(importlib.import_module("_ctypes").__file__ or "")).machine
VERSION = "libvendor.so.7"
REPORTING = tuple(Symbol(f"vendor{at}", elf.FUNCTION, False, False, 0, VERSION, VERSION) for at in range(3))
TRAPPING = (Symbol("_ZN5torch4cudaEv", elf.FUNCTION, False, True, 40),)
REFERRING = (Symbol("_ZN5torch7checkerEv", elf.FUNCTION, False, True, 8),)
DESCRIBING = (Symbol("vendorGetErrorString", elf.FUNCTION, False, False, 0, VERSION, VERSION),)
OBJECTS = (
    Symbol("_ZTIN5torch5GraphE", elf.OBJECT, False, True, 24),
    Symbol("_ZTVN5torch5GraphE", elf.OBJECT, False, True, 100),
)


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """Give a stub on disk."""
    path = tmp_path / "libstub.so"
    path.write_bytes(Stub("libstub.so", MACHINE, REPORTING, TRAPPING, REFERRING, OBJECTS, DESCRIBING).content())
    return path


def test_a_stub_reports_that_there_is_no_device(stub: Path) -> None:
    library = ctypes.CDLL(str(stub))
    assert [library[symbol.name]() for symbol in REPORTING] == [100, 100, 100]


def test_a_stub_says_in_words_that_there_is_no_device(stub: Path) -> None:
    function = ctypes.CDLL(str(stub))[DESCRIBING[0].name]
    function.restype = ctypes.c_char_p
    assert function() == elf.NO_DEVICE_TEXT.encode()


def test_a_stub_for_arm_fits_the_largest_pages() -> None:
    """Kernels for ARM may use pages of 64 KiB; the dynamic linker refuses segments that are aligned to less."""
    content = Stub("libstub.so", elf.AARCH64, REPORTING).content()
    loads = [one for one in segments(content) if one.type == elf.LOAD]
    assert [(one.align, (one.offset - one.address) % one.align) for one in loads] == [(65536, 0), (65536, 0)]
    assert loads[1].address >= 65536


def test_a_version_is_found_by_its_name(stub: Path) -> None:
    dlvsym = ctypes.CDLL(None).dlvsym
    dlvsym.restype, dlvsym.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    handle = ctypes.c_void_p(ctypes.CDLL(str(stub))._handle)
    assert dlvsym(handle, b"vendor1", VERSION.encode())
    assert not dlvsym(handle, b"vendor1", b"libvendor.so.8")


def test_what_must_never_be_called_stops_the_process(stub: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import ctypes; ctypes.CDLL({str(stub)!r})['{TRAPPING[0].name}']()"], timeout=30
    )
    assert done.returncode in (-signal.SIGILL, -signal.SIGTRAP)


def test_a_reference_leads_to_a_cell_that_may_be_written(stub: Path) -> None:
    function = ctypes.CDLL(str(stub))[REFERRING[0].name]
    function.restype = ctypes.POINTER(ctypes.c_void_p)
    assert function()[0] is None
    function()[0] = 7
    assert function()[0] == 7


def test_type_information_holds_the_name_of_its_class(stub: Path) -> None:
    library = ctypes.CDLL(str(stub))
    _, name = (ctypes.c_void_p * 2).in_dll(library, "_ZTIN5torch5GraphE")
    assert ctypes.string_at(name or 0) == b"N5torch5GraphE"
    assert bytes((ctypes.c_char * 100).in_dll(library, "_ZTVN5torch5GraphE")) == bytes(100)


def test_the_symbols_of_a_library_say_whose_version_they_want() -> None:
    library = Library(extension())
    symbols = {symbol.name: symbol for symbol in library.symbols()}
    assert any(name.startswith("libctranslate2") for name in library.needed())
    assert symbols["PyInit__ext"].defined
    assert symbols["memcpy"].library == "libc.so.6"
    assert symbols["memcpy"].version.startswith("GLIBC_2.")
    assert not symbols["memcpy"].defined


def test_a_shrunk_library_loads_and_has_lost_its_debug_information(tmp_path: Path) -> None:
    """The extension of CTranslate2 is fifty times as large as what is loaded of it."""
    before = extension().read_bytes()
    shrunk = elf.shrink(before)
    assert len(shrunk) < len(before) / 10
    path = tmp_path / "ctranslate2" / extension().name
    path.parent.mkdir()
    path.write_bytes(shrunk)
    (tmp_path / "ctranslate2.libs").symlink_to(extension().parents[1] / "ctranslate2.libs")
    program = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("_ext", {str(path)!r})
print(importlib.util.module_from_spec(spec).get_cuda_device_count())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0\n"


def test_a_segment_without_bytes_keeps_its_place_in_the_page() -> None:
    """The dynamic linker refuses a segment whose offset and address differ within the page."""
    header = elf.HEADER.pack(b"\x7fELF\x02\x01".ljust(16, b"\0"), 3, MACHINE, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    bounds = ((0, 0, 200), (0x3100, 0x5100, 0))
    loads = [elf.Segment(elf.LOAD, 6, offset, address, address, size, 200, 4096) for offset, address, size in bounds]
    content = header + b"".join(elf.SEGMENT.pack(*one) for one in loads) + bytes(0x4000)
    shrunk = elf.shrink(content)
    assert len(shrunk) < len(content)
    assert [(one.offset - one.address) % 4096 for one in segments(shrunk)] == [0, 0]


def test_an_unknown_layout_comes_back_as_it_is() -> None:
    """Here two segments share bytes of the file."""
    header = elf.HEADER.pack(b"\x7fELF\x02\x01".ljust(16, b"\0"), 3, MACHINE, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    loads = [elf.Segment(elf.LOAD, 5, offset, offset, offset, 200, 200, 8) for offset in (0, 104)]
    content = header + b"".join(elf.SEGMENT.pack(*one) for one in loads) + bytes(1000)
    assert elf.shrink(content) == content


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "library.so"
    path.write_bytes(struct.pack("<4sBB", b"\x7fELF", 1, 1) + bytes(100))
    with pytest.raises(ValueError, match=r"library\.so is not a 64-bit little-endian ELF file"):
        Library(path)


def segments(content: bytes) -> list[elf.Segment]:
    """Return the segments of a library."""
    header = elf.HEADER.unpack_from(content)
    return [elf.Segment(*elf.SEGMENT.unpack_from(content, header[5] + 56 * at)) for at in range(header[10])]


def extension() -> Path:
    """Return CTranslate2's extension module."""
    spec = importlib.util.find_spec("ctranslate2")
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.glob("_ext*.so"))
