"""`esign.toml`: `file` is the whole of it, `reader` turns its tables into sections, the others are the sections.

`example.toml` in the package above explains every key in both languages; `esign init` starts from it.
"""

from esign_cli.config.file import FILE_NAME, Config, find

__all__ = ["FILE_NAME", "Config", "find"]
