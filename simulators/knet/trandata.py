"""`trandata`: the sealed part of a message between a merchant and the gateway.

AES-128-CBC over a query string, keyed with the terminal's resource key, with PKCS#7 padding, as upper-case hex. The
IV never changes and nothing is signed: that is the classic kit's weakness, kept here so that a merchant has to
defend against it. What comes by way of a browser proves nothing; an inquiry does.
"""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

KEY_BYTES = 16
_IV = b"PGKEYENCDECIVSPC"


class UnreadableTrandataError(ValueError):
    """The text was not sealed with this key, or was changed on its way."""


def seal(text: str, key: bytes) -> str:
    """Encrypt a query string into upper-case hex."""
    padder = PKCS7(AES128.block_size).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = _cipher(key).encryptor()
    return (encryptor.update(padded) + encryptor.finalize()).hex().upper()


def unseal(trandata: str, key: bytes) -> str:
    """Decrypt upper-case hex into the query string; raises UnreadableTrandataError."""
    try:
        decryptor = _cipher(key).decryptor()
        padded = decryptor.update(_from_hex(trandata)) + decryptor.finalize()
        unpadder = PKCS7(AES128.block_size).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except ValueError as error:
        raise UnreadableTrandataError("trandata cannot be read with this key") from error


def _cipher(key: bytes) -> Cipher[CBC]:
    return Cipher(AES128(key), CBC(_IV))


def _from_hex(trandata: str) -> bytes:
    if trandata != trandata.upper() or any(character.isspace() for character in trandata):
        raise ValueError("hex must be upper-case and without spaces")
    return bytes.fromhex(trandata)
