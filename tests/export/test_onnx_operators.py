"""The lists of ONNX operators name what there is, each once."""

import pytest

from netchip.export.onnx_operators import NESTED, NO_MACS, PRODUCTS, VALUE_FREE, is_onnxs_own


def test_no_operator_is_in_two_lists() -> None:
    assert not NO_MACS & set(PRODUCTS)
    assert not NO_MACS & NESTED
    assert VALUE_FREE <= NO_MACS


def test_every_name_is_an_operator_of_the_standard() -> None:
    defs = pytest.importorskip("onnx.defs", reason="onnx is not installed (pip install 'netchip[export]')")
    names = {schema.name for schema in defs.get_all_schemas_with_history() if schema.domain == ""}
    assert NO_MACS | set(PRODUCTS) | NESTED <= names


def test_a_domain_of_another_maker_is_not_the_standards() -> None:
    assert [is_onnxs_own(domain) for domain in ("", "ai.onnx", "com.microsoft")] == [True, True, False]
