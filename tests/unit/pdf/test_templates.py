import copy
import json
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from esign.errors import InputError
from esign.pdf import Template, load
from esign.pdf._typst import refuse_packages
from esign.pdf.templates import templates

NAMES = ["ho-kinh-doanh", "quyet-dinh", "xac-nhan-cu-tru"]


def own(folder: Path, source: str = "", **files: str) -> Path:
    """An operator's template folder."""
    folder.mkdir(exist_ok=True)
    (folder / "template.typ").write_text(source, "utf-8")
    (folder / "schema.json").write_text(files.get("schema", '{"title": "Thử", "type": "object"}'), "utf-8")
    (folder / "sample.json").write_text(files.get("sample", "{}"), "utf-8")
    return folder


def test_the_shipped_templates() -> None:
    assert [t.name for t in templates()] == NAMES
    assert [t.title for t in templates()] == [
        "Giấy chứng nhận đăng ký hộ kinh doanh",
        "Quyết định",
        "Xác nhận thông tin về cư trú",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_valid_invented_and_in_both_normal_forms(name: str) -> None:
    template = load(name)
    assert template.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    template.check(template.sample)
    spelled = json.dumps(template.sample, ensure_ascii=False)
    template.check(json.loads(unicodedata.normalize("NFD", spelled)))
    assert "0000000" in spelled
    assert "Nguyễn Văn Mẫu" in spelled


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "type" in schema or "enum" in schema:
            yield schema
        for value in schema.values():
            yield from _objects(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _objects(value)


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_a_title_and_nothing_else_is_taken(name: str) -> None:
    for item in _objects(load(name).schema):
        assert item["title"].strip()
        if item.get("type") == "object":
            assert item["additionalProperties"] is False
        if item.get("type") == "array":
            assert "maxItems" in item


def _fail(template: Template, data: Any) -> InputError:
    with pytest.raises(InputError) as error:
        template.check(data)
    assert error.value.code == "template-data-invalid"
    return error.value


def test_wrong_data_are_named_by_place_and_rule_never_by_value() -> None:
    template = load("xac-nhan-cu-tru")
    data = copy.deepcopy(dict(template.sample))
    data["person"]["personal_id"] = "12345 Bí Mật"
    error = _fail(template, data)
    assert error.reason.facts["path"] == "/person/personal_id"
    assert error.reason.facts["title"] == "Số định danh cá nhân"
    assert error.reason.facts["problem"] == 'pattern: "^[0-9]{12}$"'
    for language in ("vi", "en"):
        said = error.diagnostics(language)
        assert "Bí Mật" not in said.what + said.next_step
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda d: d.pop("valid_until"), "required: valid_until"),
        (lambda d: d.update(thêm="Nguyễn Văn Lạ"), "additionalProperties"),
        (lambda d: d.update(valid_until="2027-13-01"), "pattern"),
        (lambda d: d.update(valid_until="2027-02-30"), 'format: "date"'),
        (lambda d: d["person"].update(gender="?"), 'enum: ["Nam", "Nữ"]'),
        (lambda d: d["person"].update(full_name=7), 'type: "string"'),
        (lambda d: d.update(members=[d["members"][0]] * 31), "maxItems"),
    ],
)
def test_each_rule_is_said(change: Any, problem: str) -> None:
    template = load("xac-nhan-cu-tru")
    data = copy.deepcopy(dict(template.sample))
    change(data)
    said = str(_fail(template, data).reason.facts["problem"])
    if problem in {"pattern", "maxItems"}:
        assert said.startswith((problem, "format"))
    else:
        assert said == problem
    assert "Lạ" not in said


def test_deep_data_are_refused() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert _fail(load("quyet-dinh"), {"grounds": deep}).reason.facts["problem"]


def test_an_operators_own_folder(tmp_path: Path) -> None:
    folder = own(tmp_path / "giay-moi", '#import "nd30.typ": *\n#show: result.with(kind: "Giấy mời")\n#closing()')
    template = load(folder)
    assert (template.name, template.title) == ("giay-moi", "Thử")
    assert "nd30.typ" in template.files
    before = template.digest
    (folder / "logo.png").write_bytes(b"x")
    assert load(str(folder)).digest != before


def test_the_shipped_schemas_are_valid_schemas() -> None:
    for template in templates():
        jsonschema.Draft202012Validator.check_schema(template.schema)


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(InputError) as error:
        load("khong-co")
    assert error.value.code == "template-not-found"


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"schema": "{"}, "schema.json"),
        ({"schema": "[]"}, "schema.json"),
        ({"schema": '{"type": "no such type"}'}, "schema.json"),
        ({"sample": "nonsense"}, "sample.json"),
        ({"sample": "[" * 100_000}, "sample.json"),
    ],
)
def test_a_broken_folder_is_refused(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    with pytest.raises(InputError) as error:
        load(own(tmp_path / "x", **files))
    assert (error.value.code, error.value.reason.facts["problem"]) == ("template-invalid", problem)


def test_a_schema_that_points_to_the_network_is_not_followed(tmp_path: Path) -> None:
    folder = own(tmp_path / "x", schema='{"$ref": "http://127.0.0.1:9/schema.json"}')
    with pytest.raises(InputError) as error:
        load(folder).check({})
    assert error.value.reason.facts["problem"] == "$ref"


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = own(tmp_path / "x")
    (folder / "secret.txt").symlink_to("/etc/hostname")
    with pytest.raises(InputError) as error:
        load(folder)
    assert error.value.reason.facts["problem"] == "secret.txt"


@pytest.mark.parametrize(
    "source",
    [
        '#import "@preview/cetz:0.3.0"',
        '#import "@local/x:1.0.0": *',
        '#import\n"@preview/x:1.0.0"',
        '#import /* */ "@preview/x:1.0.0"',
        '#let p = "@preview/x:1.0.0"\n#import p: *',
        "#let p = sys.inputs.p\n#import p: *",
        '#{ import "@pre" + "view/x:1.0.0": y }',
        '#include "@preview/x:1.0.0"',
        '#import ("@preview/x:1.0.0"): y',
        '#eval("import \\"@preview/x:1.0.0\\"")',
        '#let e = eval\n#e("1")',
        '#import "\\u{40}preview/x:1.0.0": y',
        '#let a = "http://" ; #let p = "\\u{40}preview/x:1.0.0"; #import p: *',
        '#let p = "\\u{40}preview/x:1.0.0"\n#import(p): *',
    ],
)
def test_a_package_import_is_refused(source: str) -> None:
    with pytest.raises(InputError) as error:
        refuse_packages("x", {"a.typ": source.encode()})
    assert error.value.code == "template-imports-package"


@pytest.mark.parametrize(
    "source",
    ['#import "nd30.typ": *', '#include "parts/a b.typ"', "Thư: a@b.vn", "#let important = evaluated"],
)
def test_an_ordinary_source_passes(source: str) -> None:
    refuse_packages("x", {"a.typ": source.encode(), "b.txt": b'import "@preview/x"'})
