"""Read files that are encrypted under the empty user password (ISO 32000-2 §7.6)."""

from esign.syntax.objects import Object, Stream
from esign.syntax.problems import SyntaxProblem

__all__ = ["Decryptor", "decryptor"]


class Decryptor:
    """Decrypts streams and strings of one file."""

    def stream(self, data: bytes, stream: Stream) -> bytes:
        """`data` of `stream`, decrypted."""
        raise NotImplementedError


def decryptor(encryption: Object, file_id: Object) -> Decryptor:
    """What reads a file with the encryption dictionary `encryption` under the empty user password."""
    raise SyntaxProblem("syntax-encryption-unknown")
