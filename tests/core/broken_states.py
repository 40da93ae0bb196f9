# ruff: noqa: E501 - half-written lines and scripts in one line
"""States that a script passes through while it is being typed."""

from __future__ import annotations

import random
from collections.abc import Iterator

SCRIPTS = {
    "json": '''\
"""Scores a model."""
import json
import os

import joblib
import numpy as np

THRESHOLD = 0.5
NAMES = ["no",
         "yes"]


def clean(rows):
    """Leave out what is empty."""
    return [row for row in rows if row]


def init():
    global model
    model_path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model.pkl")
    model = joblib.load(model_path)


def run(raw_data):
    try:
        data = np.array(clean(json.loads(raw_data)["data"]))
        result = model.predict(data)
        return {"result": [NAMES[int(value > THRESHOLD)] for value in result]}
    except Exception as error:
        return {"error": str(error)}


if __name__ == "__main__":
    init()
    print(run('{"data": [[1, 2]]}'))
''',
    "schema": """\
import os

import joblib
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

input_sample = np.array([[10.0, 9.0, 8.0]])
output_sample = np.array([3726.995])


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl"))


@input_schema("data", NumpyParameterType(input_sample))
@input_schema(
    "method",
    StandardPythonParameterType("predict"),
)
@output_schema(NumpyParameterType(output_sample))
def run(data: np.ndarray, method: str = "predict"):
    if method == "predict_proba":
        result = model.predict_proba(data)
    else:
        result = model.predict(data)
    return result.tolist()
""",
    "raw": """\
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse


class Counter:
    def __init__(self):
        self.count = 0


def init():
    print("This is init()")


@rawhttp
def run(request):
    if request.method == "GET":
        return AMLResponse(str.encode(request.full_path), 200)
    elif request.method == "POST":
        body = request.get_data(False)
        return AMLResponse(body, 200, {"X-Size": str(len(body))})
    else:
        return AMLResponse("bad request", 500)
""",
    "batch": """\
import argparse
import os
from pathlib import Path

import pandas as pd


def init():
    global args
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="model.pkl")
    args, _ = parser.parse_known_args()


def run(mini_batch):
    rows = []
    for path in mini_batch:
        frame = pd.read_csv(path)
        rows.append({"file": Path(path).name, "rows": len(frame)})
    return pd.DataFrame(rows)


def shutdown():
    print("done")
""",
}
_TYPED = [
    "x = foo(", "x = [1, 2", "x = {'a':", "if x", "if x:", "for i in", "for i in range(3):", "try:", "while True",
    "return (", "print('hello", 'name = """text', "def", "def help", "def helper(", "def helper(a, b=", "class", "class A(",
    "import", "from os import", "from os import (", "@", "@input_schema", "@input_schema(", "@input_schema('data', ", "x.",
    "x = ", "x +", "lambda x", "with open(", "with open('a') as", "raise", "else:", "elif y:", "except", "except Foo as", "f'{x",
    "<<<<<<< HEAD", "=======", ">>>>>>> branch", "print 'hello'", ">>> run()", "  indented = 1", "\tx = 1", "async def", "await x(",
    "x = yield (", "{", "(", "[", "'", '"', "\\", "x ==", "not", "x if", "[i for i in", "*", "**", "global", "assert", "del",
]  # fmt: skip


def states(count: int, seed: int = 1) -> Iterator[tuple[str, str, int]]:
    """Yield ``(script name, text, line of the disturbance from 1)``: something half-written at a random place."""
    choice = random.Random(seed)
    names = list(SCRIPTS)
    for number in range(count):
        name = names[number % len(names)]
        lines = SCRIPTS[name].split("\n")
        at = choice.randrange(len(lines) - 1)
        line = lines[at]
        indent = line[: len(line) - len(line.lstrip())]
        kind = choice.randrange(6)
        if kind <= 1:  # a new, half-written line, indented as its surroundings
            lines.insert(at, indent + choice.choice(_TYPED))
        elif kind == 2 and line.strip():  # a line typed up to its middle
            lines[at] = line[: choice.randrange(len(indent), len(line))]
        elif kind == 3 and any(character in line for character in ")]}:'\""):  # one closing character is missing
            places = [place for place, character in enumerate(line) if character in ")]}:'\""]
            place = choice.choice(places)
            lines[at] = line[:place] + line[place + 1 :]
        elif kind == 4:  # something opened at the end of a line
            lines[at] = line + choice.choice(["(", "[", "{", "'", '"', '"""', " +", "."])
        else:  # the text ends here, as in a file that is written from the top
            lines = [*lines[: at + 1], indent + choice.choice(_TYPED)]
        yield name, "\n".join(lines), at + 1
