"""The schema of ETSI TS 119 102-2 and what it imports, from the jars of EU DSS that carry them; nothing is fetched.

They are other people's and stand in no repository of ours: `make interop` lets Maven fetch them into `build/interop`,
and `ESIGN_ETSI_SCHEMAS` names another folder of `specs-*.jar` files.
"""

import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lxml import etree

__all__ = ["jars", "load"]

ROOT = Path(__file__).resolve().parents[2]
_SCHEMA = "xsd/TS119102-2-v141.xsd"
# What the imports name, and the file of the jars that is it.
_IMPORTS = {
    "xmldsig-core-schema.xsd": "xsd/xmldsig-core-schema.xsd",
    "xml.xsd": "xsd/xml.xsd",
    "XAdES.xsd": "xsd/XAdES.xsd",
    "ts_119612v020201_201601xsd.xsd": "xsd/ts_119612v020301_xsd.xsd",
}


def jars() -> list[Path]:
    """Where they are, if they are here; else none."""
    folder = os.environ.get("ESIGN_ETSI_SCHEMAS") or ROOT / "build" / "interop" / "lib"
    return sorted(Path(folder).glob("**/specs-*.jar"))


def load(found: Iterable[Path]) -> Any:
    """The schema, ready to judge documents."""
    files: dict[str, bytes] = {}
    for jar in found:
        with zipfile.ZipFile(jar) as archive:
            files |= {name: archive.read(name) for name in archive.namelist() if name.endswith(".xsd")}

    class Resolver(etree.Resolver):  # type: ignore[misc]  # lxml has no types here
        def resolve(self, url: str, _public_id: str, context: Any) -> Any:
            name = _IMPORTS.get(url.rpartition("/")[2])
            assert name is not None, f"the schema imports {url}, which is not known here"
            return self.resolve_string(files[name], context, base_url=url)

    parser = etree.XMLParser(no_network=True, load_dtd=False)
    parser.resolvers.add(Resolver())
    return etree.XMLSchema(etree.fromstring(files[_SCHEMA], parser, base_url="http://uri.etsi.org/19102/"))
