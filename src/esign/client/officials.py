"""Two officials: the competent person signs, perhaps elsewhere and days later; then the agency releases."""

from base64 import b64encode

from esign.api.officials import ReleaseRequest, SignatureRequest, Submission, SubmissionRequest
from esign.api.results import IssueRequest, Result
from esign.client.part import Part
from esign.client.transport import File

__all__ = ["Officials"]


class Officials(Part):
    """What passes between the person who decides and the records clerk."""

    def submit(self, request: SubmissionRequest, *, pdf: File | None = None, key: str | None = None) -> Submission:
        """Prepare a result for the person's signature; the answer says which bytes they sign.

        Raises:
            As `Results.issue`.
        """
        return self._post("/submissions", request, pdf=pdf, key=key).to(Submission)

    def pending(self, result: str) -> Submission:
        """What the person is to sign.

        Raises:
            SigningError: `not-awaiting`: nobody's signature is waited for.
        """
        return self._get(f"/results/{result}/pending").to(Submission)

    def document(self, submission: Submission) -> bytes:
        """The prepared document, for people: nobody should sign what they have not seen.

        Raises:
            NetworkError: `document-differs`: it is not the one that `submission` is about.
        """
        path = f"/results/{submission.id}/pending/document"
        return self._document(path, digest=submission.document_sha256)

    def complete(self, result: str, signature: bytes, *, key: str | None = None) -> Result:
        """Hand in the person's signature over `to_be_signed`.

        Raises:
            SigningError: `signature-mismatch`, `pending-expired`, `not-awaiting`.
        """
        made = SignatureRequest(signature=b64encode(signature))
        return self._post(f"/results/{result}/signature", made, key=key).to(Result)

    def adopt(self, request: IssueRequest, *, pdf: File, key: str | None = None) -> Result:
        """Take in a file that the person signed in other software.

        Raises:
            SigningError: The signature is not sound, or not theirs to make.
        """
        return self._post("/adoptions", request, pdf=pdf, key=key).to(Result)

    def release(self, result: str, request: ReleaseRequest | None = None, *, key: str | None = None) -> Result:
        """The records clerk's act (phát hành): number, date, seal, the agency's signature.

        Raises:
            SigningError, DuplicateNumber, KeyStoreError: As the library's `Issuer.release`.
        """
        return self._post(f"/results/{result}/release", request or ReleaseRequest(), key=key).to(Result)
