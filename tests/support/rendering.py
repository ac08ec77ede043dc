"""A renderer that counts."""

from typing import Any

from esign.pdf.render import Rendered, Renderer

__all__ = ["CountingRenderer"]


class CountingRenderer(Renderer):
    """Counts the pages that it sets."""

    count = 0

    def render(self, *given: Any, **more: Any) -> Rendered:
        self.count += 1
        return super().render(*given, **more)
