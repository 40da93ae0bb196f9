"""Signature help for the schema decorators, parameter types and AMLResponse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lsprotocol import types as lsp

if TYPE_CHECKING:
    from mldeploy_lsp.document import Document
    from mldeploy_lsp.server import Server

_NEAR = 4_000
_CALL = re.compile(r"([A-Za-z_]\w*)\s*$")


class Signature(NamedTuple):
    """A callable's parameters, each as it is written and with what it is for."""

    parameters: tuple[tuple[str, str], ...]
    help: str


_ENFORCE = (
    ("enforce_column_type: bool = True", "Cast to the sample's dtype."),
    ("enforce_shape: bool = True", "Refuse other sizes than the sample's."),
)
SIGNATURES: dict[str, Signature] = {
    "input_schema": Signature(
        (
            ("param_name: str", "A parameter of run(), as a literal."),
            ("param_type: AbstractParameterType", "Its type, made from a sample."),
            (
                "convert_to_provided_type: bool = True",
                "Decode the JSON value to the sample's type before run() is called.",
            ),
            ("optional: bool = False", "Let an absent, null or empty value pass unconverted."),
        ),
        "Describes one parameter of run(); one decorator for each parameter.",
    ),
    "output_schema": Signature(
        (("output_type: AbstractParameterType", "The type of the result, made from a sample."),),
        "Describes what run() returns; the value itself is not changed.",
    ),
    "NumpyParameterType": Signature(
        (("sample_input: ndarray", "An array of at least one dimension."), *_ENFORCE),
        "An array like the sample, with any number of rows.",
    ),
    "PandasParameterType": Signature(
        (
            ("sample_input: DataFrame", "A frame with the columns and dtypes of a request."),
            *_ENFORCE,
            ("apply_column_names: bool = False", "Deprecated."),
            ('orient: str = "records"', "How JSON spells the frame: split, records, index, columns, values or table."),
        ),
        "A DataFrame like the sample, with any number of rows.",
    ),
    "StandardPythonParameterType": Signature(
        (("sample_input: object", "A value that JSON can hold; dictionaries and lists may hold parameter types."),),
        "A Python value like the sample.",
    ),
    "SparkParameterType": Signature(
        (("sample_input: DataFrame", "A Spark DataFrame."), *_ENFORCE), "A Spark DataFrame like the sample."
    ),
    "AMLResponse": Signature(
        (
            ("message: str | bytes", "The body."),
            ("status_code: int", "The HTTP status."),
            ("response_headers: dict | None = None", "Further headers; names and values are strings."),
            ("json_str: bool = False", "Encode the message as JSON."),
            ("run_middleware: bool = False", "Kept for old scripts."),
        ),
        "An answer with its own status.",
    ),
}


def register(server: Server) -> None:
    """Add the feature."""

    @server.feature(lsp.TEXT_DOCUMENT_SIGNATURE_HELP, lsp.SignatureHelpOptions(trigger_characters=["(", ","]))
    def signature(params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
        document = server.get(params.text_document.uri)
        if document is None or not document.is_python:
            return None
        found = open_call(document, params.position)
        if found is None:
            return None
        name, number, keyword = found
        known = SIGNATURES[name]
        names = [text.partition(":")[0] for text, _ in known.parameters]
        active = names.index(keyword) if keyword in names else min(number, len(names) - 1)
        label = f"{name}({', '.join(text for text, _ in known.parameters)})"
        return lsp.SignatureHelp(
            [
                lsp.SignatureInformation(
                    label,
                    documentation=known.help,
                    parameters=[
                        lsp.ParameterInformation(text, documentation=help_) for text, help_ in known.parameters
                    ],
                )
            ],
            active_signature=0,
            active_parameter=active,
        )


def open_call(document: Document, position: lsp.Position) -> tuple[str, int, str] | None:
    """Return the innermost known call around a position: its name, the argument's number, and its keyword or ``""``.

    Read from the characters, because the script is hardly ever whole while somebody types a call.
    """
    end = document.offset(position)
    text = document.text[max(0, end - _NEAR) : end]
    stack: list[tuple[int, int, int]] = []  # offset of the bracket, commas so far, offset of the argument
    at, quote = 0, ""
    while at < len(text):
        character = text[at]
        if quote:
            if character == "\\":
                at += 1
            elif text.startswith(quote, at):
                at += len(quote) - 1
                quote = ""
            elif character == "\n" and len(quote) == 1:
                quote = ""
        elif character in "\"'":
            quote = character * 3 if text.startswith(character * 3, at) else character
            at += len(quote) - 1
        elif character == "#":
            newline = text.find("\n", at)
            at = len(text) if newline < 0 else newline
        elif character in "([{":
            stack.append((at, 0, at + 1))
        elif character in ")]}" and stack:
            stack.pop()
        elif character == "," and stack:
            bracket, commas, _ = stack[-1]
            stack[-1] = (bracket, commas + 1, at + 1)
        at += 1
    for bracket, commas, start in reversed(stack):
        name = _CALL.search(text[:bracket]) if text[bracket] == "(" else None
        if name is not None and name[1] in SIGNATURES:
            keyword = re.match(r"\s*(\w+)\s*=(?!=)", text[start:])
            return name[1], commas, keyword[1] if keyword else ""
    return None
