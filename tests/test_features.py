"""The table of features is true at least in that every proof it names is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| (?P<feature>.+?) \|(?P<proof>.*)\|$", re.MULTILINE)
LINK = re.compile(r"\[`(?P<path>[^`]+)`\]")


def test_each_proof_in_the_table_of_features_exists() -> None:
    rows = [row for row in ROW.finditer((ROOT / "docs/features.md").read_text()) if row["feature"] != "feature"]
    proofs = [link["path"] for row in rows for link in LINK.finditer(row["proof"])]
    assert len(proofs) > 30
    assert [path for path in proofs if not (ROOT / path).exists()] == []


def test_each_feature_has_a_proof_or_the_word_missing() -> None:
    rows = [row for row in ROW.finditer((ROOT / "docs/features.md").read_text()) if row["feature"] != "feature"]
    headings = [row for row in rows if row["feature"].startswith("**")]
    bare = [row["feature"] for row in rows if row not in headings and not LINK.search(row["proof"])]
    assert headings
    assert all("*missing*" in row["proof"] for row in rows if row["feature"] in bare)


def test_the_documents_link_to_files_that_exist() -> None:
    broken = []
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            if not (document.parent / target).exists():
                broken.append(f"{document.name}: {target}")
    assert broken == []
