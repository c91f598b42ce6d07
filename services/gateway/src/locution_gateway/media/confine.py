"""Drop every privilege of the decode child that decoding does not need; standard library only.

The layers are independent: resource limits, death with the parent, first choice of the kernel's OOM killer, and a
seccomp filter that allows only moving bytes on open descriptors and managing memory. The child then cannot open a file,
create a socket or start a process, whatever the media does to the decoder. Without seccomp it tries its own network
namespace.
"""

from __future__ import annotations

import ctypes
import math
import os
import platform
import resource
import signal
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_MODE_FILTER: Final = 2
_CLONE_NEWUSER: Final = 0x1000_0000
_CLONE_NEWNET: Final = 0x4000_0000

# Classic BPF (linux/bpf_common.h) and seccomp return values (linux/seccomp.h).
_LOAD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF_0000
_KILL: Final = 0x8000_0000
_DENY: Final = 0x0005_0000 | 1  # EPERM
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4

# read write close lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn pread64 readv writev
# sched_yield mremap madvise getpid exit gettimeofday getrusage times sigaltstack gettid futex clock_gettime
# clock_nanosleep exit_group getrandom restart_syscall rseq
_ALLOWED: Final[dict[str, tuple[int, tuple[int, ...]]]] = {
    "x86_64": (
        0xC000_003E,
        (
            *(0, 1, 3, 8, 9, 10, 11, 12, 13, 14, 15, 17, 19, 20, 24, 25, 28, 39, 60, 96, 98, 100, 131, 186, 202, 219),
            *(228, 230, 231, 318, 334),
        ),
    ),
    "aarch64": (
        0xC000_00B7,
        (
            *(57, 62, 63, 64, 65, 66, 67, 93, 94, 98, 113, 115, 124, 128, 132, 134, 135, 139, 153, 165, 169, 172, 178),
            *(214, 215, 216, 222, 226, 233, 278, 293),
        ),
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def limit_resources() -> None:
    """Set rlimits: no files, descriptors, processes or core dumps."""
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        resource.setrlimit(kind, (0, 0))


def limit_use(memory_bytes: int, cpu_seconds: int) -> None:
    """Set rlimits: address space, and processor time from now on."""
    end = math.ceil(time.process_time()) + cpu_seconds
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (end, end + 2))


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; exit if the parent has already ended."""
    _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(0)


def prefer_as_victim() -> None:
    """Ask the OOM killer to kill this process before its parent."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def isolate() -> str:
    """Cut this process off from files and network; return "seccomp", "namespace" or "none"."""
    if _filter_system_calls():
        return "seccomp"
    return "namespace" if _libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0 else "none"


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _filter_system_calls() -> bool:
    known = _ALLOWED.get(platform.machine())
    if known is None:
        return False
    instructions = filter_program(*known)
    program = _Program(len(instructions) // 8, instructions)
    libc = _libc()
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def filter_program(architecture: int, allowed: tuple[int, ...]) -> bytes:
    """Assemble the filter: another architecture is killed, a listed call passes, any other fails with EPERM."""
    steps = [(_LOAD, 0, 0, _ARCHITECTURE_AT), (_JUMP_IF_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL)]
    steps.append((_LOAD, 0, 0, _NUMBER_AT))
    for number in allowed:
        steps += [(_JUMP_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    steps.append((_RETURN, 0, 0, _DENY))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
