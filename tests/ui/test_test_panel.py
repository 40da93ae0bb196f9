"""The Test tab: a form value, a grid edit and a file are sent; times, edge cases, code and history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .page import LabPage, expect, write_notebook

pytestmark = pytest.mark.browser

SCHEMA = """\
import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    print("ready")


@input_schema("frame", PandasParameterType(pd.DataFrame({"age": [41, 22], "city": ["Oslo", "Rome"]})))
@input_schema("matrix", NumpyParameterType(np.array([[1.0, 2.0], [3.0, 4.5]])))
@input_schema("options", StandardPythonParameterType({"factor": 2, "verbose": True}))
@output_schema(StandardPythonParameterType({"total": 1.5}))
def run(frame, matrix, options):
    return {
        "ages": int(frame["age"].sum()),
        "cities": frame["city"].tolist(),
        "total": float(matrix.sum()) * options["factor"],
        "verbose": options["verbose"],
    }
"""
RAW = """\
from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    body = request.get_data()
    return AMLResponse(f"{len(body)} bytes, {body[0]}, {request.headers['Content-Type']}", 200)
"""


def test_a_form_value_and_a_grid_edit_are_sent(page: LabPage, name: str, tmp_path: Path) -> None:
    page.lab.deploy(name, SCHEMA)
    write_notebook(page.lab.root / f"{name}.ipynb", {"only": "1 + 1"})
    page.open(f"{name}.ipynb")
    page.page.locator(".jp-Notebook:visible").wait_for()
    page.command("mldeploy:open", name=name, tab="test")
    tab = page.page.locator(".jp-mldeploy-Test")
    answer = tab.get_by_label("Body of the answer")

    # By mouse: a value of the form, a cell of each table.
    tab.get_by_label("factor").fill("10")
    tab.get_by_label("verbose").uncheck()
    tab.get_by_label("age, row 1").fill("9")
    tab.get_by_role("button", name="Send", exact=True).click()
    expect(answer).to_contain_text('"ages": 50')
    expect(answer).to_contain_text('"total": 105.0')
    expect(answer).to_contain_text('"verbose": false')
    expect(tab.get_by_text("200 OK").first).to_be_visible()

    # By keyboard: arrows through the table, Ctrl+Enter sends; a row is added and filled from a spreadsheet.
    tab.get_by_label("0, row 0").focus()
    page.page.keyboard.press("ArrowDown")
    expect(tab.get_by_label("0, row 1")).to_be_focused()
    page.page.keyboard.type("100")
    page.page.keyboard.press("Control+Enter")
    expect(answer).to_contain_text('"total": 1075.0')
    tab.get_by_label("age, row 1").focus()
    page.page.evaluate(
        """() => {
          const clipboardData = new DataTransfer();
          clipboardData.setData('text/plain', '1\\tBern\\n2\\tKyiv\\n3\\tLima');
          const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
          document.activeElement.dispatchEvent(paste);
        }"""
    )
    expect(tab.get_by_label("city, row 3")).to_have_value("Lima")
    tab.get_by_role("button", name="Send", exact=True).press("Enter")
    expect(answer).to_contain_text('"cities": ["Oslo", "Bern", "Kyiv", "Lima"]')

    # What cannot be sent says so beside its field, and the text editor sends whatever there is.
    tab.get_by_label("factor").fill("ten")
    expect(tab.get_by_text("A whole number is needed here.")).to_be_visible()
    tab.get_by_role("button", name="Send", exact=True).click()
    expect(tab.get_by_text("cannot be sent")).to_be_visible()
    tab.get_by_label("Text", exact=True).check()
    tab.get_by_label("Body of the request").fill('{"frame": 1')
    expect(tab.get_by_text("This is no JSON")).to_be_visible()
    page.page.keyboard.press("Control+Enter")
    expect(tab.get_by_text("400 refused").first).to_be_visible()

    # History brings a request back.
    tab.get_by_text("History (4)").click()
    tab.get_by_role("button", name="#1").click()
    expect(answer).to_contain_text('"total": 105.0')
    assert json.loads(tab.get_by_label("Body of the request").input_value())["options"]["factor"] == 10

    # Times, edge cases, code.
    tab.get_by_text("Burst: how").click()
    tab.get_by_label("Requests").fill("30")
    tab.get_by_role("button", name="Run burst").click()
    expect(tab.get_by_role("img", name="Histogram of 30 times")).to_be_visible()
    expect(tab.get_by_text("p95").first).to_be_visible()
    tab.get_by_text("Edge cases: what").click()
    tab.get_by_role("button", name="edge cases").click()
    expect(tab.get_by_text(", 0 failed")).to_be_visible()
    tab.get_by_label("through Jupyter").check()
    tab.get_by_role("button", name="curl").click()
    expect(tab.get_by_text("Copied as curl.")).to_be_visible()
    copied = page.page.evaluate("() => navigator.clipboard.readText()")
    assert f"/mldeploy/proxy/{name}/score" in copied
    tab.get_by_label("through Jupyter").uncheck()
    tab.get_by_role("button", name="Insert as cell").click()
    expect(page.page.locator(".jp-Notebook .jp-Cell", has_text=f"service('{name}').score(")).to_be_visible()
    assert page.axe(".jp-mldeploy-Test") == []
    page.theme("JupyterLab Dark")
    assert page.axe(".jp-mldeploy-Test") == []
    page.screenshot(tmp_path / "test-dark.png")
    page.theme("JupyterLab Light")
    page.screenshot(tmp_path / "test-light.png")


def test_a_file_is_sent_byte_for_byte(page: LabPage, name: str) -> None:
    page.lab.deploy(name, RAW)
    page.open()
    page.command("mldeploy:open", name=name, tab="test")
    tab = page.page.locator(".jp-mldeploy-Test")
    expect(tab.get_by_text("There is no form")).to_be_visible()
    tab.get_by_label("File", exact=True).check()
    tab.get_by_role("button", name="Send", exact=True).click()
    expect(tab.get_by_text("Choose a file first.")).to_be_visible()
    tab.get_by_label("File to send").set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": bytes([137, 0, 255, 10])}
    )
    tab.get_by_role("button", name="Send", exact=True).click()
    expect(tab.get_by_label("Body of the answer")).to_contain_text("4 bytes, 137, image/png")
