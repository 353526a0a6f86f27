"""Amounts of memory and processor as Kubernetes writes them: "512Mi", "1G", "1000m", "2". Pure."""

from __future__ import annotations

import re

_MEMORY = re.compile(r"(\d{1,15})(\.\d{1,6})?([KMGTkmgt]i?|)")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_CPU = re.compile(r"(\d{1,9})m|(\d{1,6})(\.\d{1,3})?")
MEBIBYTE, GIBIBYTE = 2**20, 2**30


def memory_bytes(text: str) -> int:
    """Bytes in "512Mi", "1Gi", "0.5G" or "1024". ValueError."""
    match = _MEMORY.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not an amount of memory, such as 512Mi")
    return round(float(f"{match[1]}{match[2] or ''}") * _UNITS[match[3].lower()])


def cpu_millis(text: str) -> int:
    """Thousandths of a processor in "1000m", "2" or "0.5". ValueError."""
    match = _CPU.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not an amount of CPU, such as 1000m or 2")
    return int(match[1]) if match[1] else round(float(f"{match[2]}{match[3] or ''}") * 1000)


def shown_memory(amount: int) -> str:
    """512Mi, 4Gi; to the whole mebibyte."""
    gibibytes, rest = divmod(amount, GIBIBYTE)
    return f"{gibibytes}Gi" if gibibytes and not rest else f"{amount // MEBIBYTE}Mi"
