"""Amounts of memory and processor."""

from __future__ import annotations

import pytest

from kumotasks.domain.run.quantity import cpu_millis, memory_bytes, shown_memory


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("512Mi", 512 * 2**20),
        ("1Gi", 2**30),
        ("1G", 10**9),
        ("0.5Gi", 2**29),
        ("536870912", 2**29),
        ("128M", 128 * 10**6),
        ("2048Ki", 2**21),
        ("512mi", 512 * 2**20),
    ],
)
def test_memory_counts_in_powers_of_two_with_an_i(text: str, amount: int) -> None:
    assert memory_bytes(text) == amount


@pytest.mark.parametrize(("text", "millis"), [("1000m", 1000), ("1", 1000), ("0.5", 500), ("80m", 80), ("8", 8000)])
def test_processors_count_in_thousandths(text: str, millis: int) -> None:
    assert cpu_millis(text) == millis


@pytest.mark.parametrize("text", ["", "Mi", "-1Mi", "1 Gi", "1Xi", "1e9", "0x10", "9" * 30])
def test_what_is_no_amount_is_told_apart(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        memory_bytes(text)
    with pytest.raises(ValueError, match="is not an amount"):
        cpu_millis(text)


def test_memory_is_shown_in_the_largest_unit_that_fits() -> None:
    assert [shown_memory(amount * 2**20) for amount in (128, 512, 1024, 1536, 32_768)] == [
        "128Mi",
        "512Mi",
        "1Gi",
        "1536Mi",
        "32Gi",
    ]
