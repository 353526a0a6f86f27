"""`python -m reference`: writes docs/reference.md anew."""

from __future__ import annotations

from reference import page

if __name__ == "__main__":
    page.FILE.write_text(page.made(), encoding="utf-8")
