"""Texts: f-strings whose parts are known, and the messages of ``raise`` and ``assert``."""

from __future__ import annotations

from typing import Any

import gast

from srcad.frontend.builder import Builder
from srcad.frontend.refusals import REFUSALS
from srcad.frontend.values import StaticValue, Value
from srcad.ir.nodes import Const

TextParts = list["str | tuple[Value, str]"]


def static_text(b: Builder, parts: TextParts) -> StaticValue:
    """An f-string of parts that are known when the code is generated."""
    out = ""
    for part in parts:
        if isinstance(part, str):
            out += part
            continue
        value, form = part
        if not isinstance(value, StaticValue | Const):
            raise b.refuse(**REFUSALS["JoinedStr"].words())
        out += format(value.value, form)
    return StaticValue(out)


def message_text(node: Any) -> str:
    """The message of an exception, as far as it is a text: ``{n}`` in it stays as written."""
    match node:
        case None:
            return ""
        case gast.Constant():
            return str(node.value)
        case gast.JoinedStr():
            return "".join(
                str(v.value)
                if isinstance(v, gast.Constant)
                else f"{{{gast.unparse(v.value).strip()}}}"
                for v in node.values
            )
        case gast.BinOp(left=left, op=gast.Add(), right=right):
            return message_text(left) + message_text(right)
    return f"{{{gast.unparse(node).strip()}}}"
