from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from kumotasks.auth.signature import sign
from kumotasks.auth.signing_key import SigningKey
from tests.auth.quick_keys import key


def test_a_signature_holds_for_what_was_signed_and_for_nothing_else() -> None:
    signature = sign(SigningKey("0" * 40, key(0), "", 0), b"this")
    public = key(0).public_key()
    public.verify(signature, b"this", PKCS1v15(), SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"that", PKCS1v15(), SHA256())
