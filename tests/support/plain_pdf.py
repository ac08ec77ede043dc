"""A PDF as other software makes it."""

import typst

__all__ = ["plain_pdf"]


def plain_pdf(text: str = "Văn bản do phần mềm khác tạo") -> bytes:
    """A PDF that is not ours: typst without any of our templates."""
    return typst.compile(f'#set page(width: 210mm, height: 297mm)\n#set text(lang: "vi")\n{text}'.encode())
