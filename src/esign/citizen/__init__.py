"""The citizen's page: what opens when somebody points a phone at a paper (docs/spec/page.md).

`browser/` holds plain HTML, CSS and ES modules that a browser runs as they are. `Page` puts them into the one file that
is published, so that a phone asks once, and into a kit that works from a file.

>>> from esign.citizen import Page
>>> page = Page(host="q.gov.vn", roots=())
>>> sorted(page.files())
['/', '/1', '/p', '/verdict.js', '/words.en.json', '/worker.js']
"""

from esign.citizen.page import Page

__all__ = ["Page"]
