# ruff: noqa: E501 - scripts in one line
"""Scripts with schema decorators."""

from __future__ import annotations

from .case import ARRAY_OUT, HEAD, NUMPY, PANDAS, Case, decorated, typed

SCHEMA_CASES = [
    Case("name is no parameter", decorated("input_schema('input', NumpyParameterType(np.array([[1.0]])))"), "MLD201"),
    Case(
        "name by keyword is no parameter",
        decorated("input_schema(param_name='input', param_type=NumpyParameterType(np.array([[1.0]])))"),
        "MLD201",
    ),
    Case(
        "second name is no parameter", decorated(NUMPY, "input_schema('x', StandardPythonParameterType(1.5))"), "MLD201"
    ),
    Case(
        "parameter without schema",
        decorated(NUMPY, signature="data, extra"),
        "MLD202",
        request='{"data": [[1.0, 2.0]]}',
    ),
    Case("parameter with default without schema", decorated(NUMPY, ARRAY_OUT, signature="data, extra=1"), None, ""),
    Case("request_headers without schema", decorated(NUMPY, ARRAY_OUT, signature="data, request_headers"), None, ""),
    Case("bare list as type", decorated("input_schema('data', [[1.0]])"), "MLD204", "I"),
    Case("bare array as type", decorated("input_schema('data', np.array([[1.0]]))"), "MLD204", "I"),
    Case("bare frame as type", decorated("input_schema('data', pd.DataFrame({'a': [1.0]}))"), "MLD204", "I"),
    Case("bare dict as type", decorated("input_schema('data', {'a': 1.0})"), "MLD204", "I"),
    Case(
        "sample variable as type",
        decorated("input_schema('data', sample)", before="sample = np.array([[1.0]])\n"),
        "MLD204",
        "I",
    ),
    Case("class as type", decorated("input_schema('data', NumpyParameterType)"), "MLD204", "I"),
    Case("swapped arguments", decorated("input_schema(NumpyParameterType(np.array([[1.0]])), 'data')"), "MLD204", "I"),
    Case("bare array as output", decorated(NUMPY, "output_schema(np.array([1.0]))"), "MLD204", "I"),
    Case("class as output", decorated(NUMPY, "output_schema(NumpyParameterType)"), "MLD204", "I"),
    Case("output not called", decorated(NUMPY, "output_schema"), "MLD206", "I"),
    Case("numpy of list", typed("NumpyParameterType([[1.0]])"), "MLD205", "I"),
    Case("numpy of frame", typed("NumpyParameterType(pd.DataFrame({'a': [1.0]}))"), "MLD205", "I"),
    Case("numpy of text", typed("NumpyParameterType('abc')"), "MLD205", "I"),
    Case("numpy of variable list", typed("NumpyParameterType(sample)", before="sample = [[1.0]]\n"), "MLD205", "I"),
    Case("pandas of array", typed("PandasParameterType(np.array([[1.0]]))"), "MLD205", "I"),
    Case("pandas of series", typed("PandasParameterType(pd.Series([1.0]))"), "MLD205", "I"),
    Case("pandas of list", typed("PandasParameterType([{'a': 1.0}])"), "MLD205", "I"),
    Case("bad orient", typed("PandasParameterType(pd.DataFrame({'a': [1.0]}), orient='rows')"), "MLD205", "I"),
    Case("array without dimension", typed("NumpyParameterType(np.array({'a': 1.0}))"), "MLD205", "I"),
    Case("array of a number", typed("NumpyParameterType(np.array(5.0))"), "MLD205", "I"),
    Case("standard of None", typed("StandardPythonParameterType(None)"), "MLD205", "I"),
    Case("standard of array", typed("StandardPythonParameterType(np.array([1.0]))"), "MLD205", "I"),
    Case("standard of frame", typed("StandardPythonParameterType(pd.DataFrame({'a': [1.0]}))"), "MLD205", "I"),
    Case("standard of set", typed("StandardPythonParameterType({1, 2})"), "MLD205", "I"),
    Case("standard of object", typed("StandardPythonParameterType(object())"), "MLD205", "I"),
    Case(
        "standard of own object",
        typed("StandardPythonParameterType(Thing())", before="class Thing:\n    x = 1\n"),
        "MLD205",
        "I",
    ),
    Case("standard of class", typed("StandardPythonParameterType(dict)"), "MLD205", "I"),
    Case("standard of np.int64", typed("StandardPythonParameterType(np.int64(1))"), "MLD205", "I"),
    Case("standard of dict with array", typed("StandardPythonParameterType({'a': np.array([1.0])})"), "MLD205", "I"),
    Case(
        "standard of list with frame", typed("StandardPythonParameterType([pd.DataFrame({'a': [1.0]})])"), "MLD205", "I"
    ),
    Case(
        "standard of dict with variable array",
        typed("StandardPythonParameterType({'a': {'b': arr}})", before="arr = np.zeros(3)\n"),
        "MLD205",
        "I",
    ),
    Case("standard of np.float64", typed("StandardPythonParameterType(np.float64(1.0))"), "MLD205"),
    Case("standard of date", typed("StandardPythonParameterType(datetime.date(2024, 1, 31))"), "MLD209"),
    Case("standard of today", typed("StandardPythonParameterType(datetime.date.today())"), "MLD209"),
    Case("two outputs", decorated(NUMPY, ARRAY_OUT, ARRAY_OUT), "MLD203", "I"),
    Case(
        "two inputs of one name",
        decorated(NUMPY, "input_schema('data', StandardPythonParameterType([[1.0]]))"),
        "MLD203",
    ),
    Case("two equal inputs of one name", decorated(NUMPY, NUMPY), "MLD203", ""),
    Case("two inputs of one name, frame and array", decorated(PANDAS, NUMPY), "MLD203"),
    Case("input without name", decorated("input_schema(NumpyParameterType(np.array([[1.0]])))"), "MLD206", "I"),
    Case("input not called", decorated("input_schema"), "MLD206", "I"),
    Case(
        "unknown keyword",
        decorated("input_schema('data', NumpyParameterType(np.array([[1.0]])), enforce_shape=False)"),
        "MLD206",
        "I",
    ),
    Case(
        "output with name", decorated(NUMPY, "output_schema('x', NumpyParameterType(np.array([1.0])))"), "MLD206", "I"
    ),
    Case("type with unknown keyword", typed("NumpyParameterType(np.array([[1.0]]), shape=False)"), "MLD206", "I"),
    Case("type without sample", typed("NumpyParameterType()"), "MLD206", "I"),
    Case(
        "default of other type",
        decorated(
            "input_schema('data', StandardPythonParameterType('text'))", signature="data=None", body="return str(data)"
        ),
        "MLD210",
        request="{}",
    ),
    Case(
        "default of other type, optional",
        decorated(
            "input_schema('data', StandardPythonParameterType('text'), optional=True)",
            ARRAY_OUT,
            signature="data=None",
            body="return [1.0] if data else [0.0]",
        ),
        None,
        "",
    ),
    Case("json.loads of array", decorated(NUMPY, body="return json.loads(data)"), "MLD207"),
    Case("json.loads of frame", decorated(PANDAS, body="return json.loads(data)"), "MLD207"),
    Case(
        "json.loads of dict",
        decorated("input_schema('data', StandardPythonParameterType({'a': 1.0}))", body="return json.loads(data)"),
        "MLD207",
    ),
    Case(
        "json.loads of array in try",
        decorated(
            NUMPY,
            body="try:\n        rows = json.loads(data)\n        return rows\n    except Exception as e:\n        return str(e)",
        ),
        "MLD207",
        when="the script answers with the error's text",
    ),
    Case(
        "json.loads of text",
        decorated(
            "input_schema('data', StandardPythonParameterType('[1]'))", ARRAY_OUT, body="return json.loads(data)"
        ),
        None,
        "",
    ),
    Case(
        "json.loads behind isinstance",
        decorated(
            NUMPY,
            ARRAY_OUT,
            body="data = np.array(json.loads(data)) if isinstance(data, str) else data\n    return data.tolist()",
        ),
        None,
        "",
    ),
    Case(
        "json.loads of raw value",
        decorated(
            "input_schema('data', NumpyParameterType(np.array([[1.0]])), convert_to_provided_type=False)",
            ARRAY_OUT,
            body="return list(data)",
        ),
        None,
        "",
    ),
    Case("key on array", decorated(NUMPY, body="return data['data'].tolist()"), "MLD208"),
    Case(
        "key on structured array",
        decorated(
            "input_schema('data', NumpyParameterType(np.array([(1.0, 2.0)], dtype=[('a', 'f8'), ('b', 'f8')])))",
            ARRAY_OUT,
            body="return data['a'].tolist()",
        ),
        None,
        "",
    ),
    Case("key on frame", decorated(PANDAS, ARRAY_OUT, body="return data['a'].tolist()"), None, ""),
    Case(
        "empty array",
        decorated("input_schema('data', NumpyParameterType(np.array([])))"),
        "MLD211",
        request='{"data": [[1.0, 2.0]]}',
    ),
    Case(
        "empty row",
        decorated("input_schema('data', NumpyParameterType(np.array([[]])))"),
        "MLD211",
        request='{"data": [[1.0, 2.0]]}',
    ),
    Case(
        "empty frame",
        decorated("input_schema('data', PandasParameterType(pd.DataFrame()))", body="return data.to_dict('records')"),
        "MLD211",
        request='{"data": [{"a": 1.5}]}',
    ),
    Case("int sample", typed("StandardPythonParameterType(1)"), "MLD211", request='{"data": 1.7}'),
    Case("int array", decorated("input_schema('data', NumpyParameterType(np.array([[1, 2]])))"), "MLD211", stage=""),
    Case(
        "float sample",
        decorated("input_schema('data', StandardPythonParameterType(1.5))", ARRAY_OUT, body="return [data]"),
        None,
        "",
    ),
    Case("mixed list", typed("StandardPythonParameterType([1.5, 'a'])"), "MLD214", ""),
    Case(
        "schema on init",
        f"{HEAD}@{NUMPY}\ndef init():\n    pass\n\n@{NUMPY}\n@{ARRAY_OUT}\ndef run(data):\n    return data.tolist()\n",
        "MLD206",
        "N",
    ),
    Case("only output schema", decorated(ARRAY_OUT, body="return [1.0, len(data)]"), "MLD213", ""),
    Case(
        "json.dumps against array schema",
        decorated(NUMPY, ARRAY_OUT, body="return json.dumps(data.tolist())"),
        "MLD212",
        "",
    ),
    Case(
        "frame with split",
        decorated(
            "input_schema('data', PandasParameterType(pd.DataFrame({'a': [1.5]}), orient='split'))",
            ARRAY_OUT,
            body="return data['a'].tolist()",
        ),
        "MLD214",
        "",
    ),
    Case(
        "nested types",
        decorated(
            "input_schema('data', StandardPythonParameterType({'x': NumpyParameterType(np.array([1.0])), 'y': 'a'}))",
            ARRAY_OUT,
            body="return data['x'].tolist()",
        ),
        None,
        "",
    ),
    Case(
        "nested frame",
        decorated(
            "input_schema('Inputs', StandardPythonParameterType({'data': PandasParameterType(pd.DataFrame({'a': [1.5]}))}))",
            "input_schema('GlobalParameters', StandardPythonParameterType(1.0))",
            ARRAY_OUT,
            signature="Inputs, GlobalParameters=1.0",
            body="return Inputs['data']['a'].tolist()",
        ),
        None,
        "",
    ),
    Case(
        "several inputs",
        decorated(
            NUMPY,
            "input_schema('factor', StandardPythonParameterType(2.0))",
            ARRAY_OUT,
            signature="data, factor",
            body="return (data * factor)[0].tolist()",
        ),
        None,
        "",
    ),
    Case(
        "keywords",
        decorated(
            "input_schema(param_name='data', param_type=NumpyParameterType(sample_input=np.array([[1.0]]), enforce_shape=False))",
            "output_schema(output_type=NumpyParameterType(np.array([1.0])))",
        ),
        None,
        "",
    ),
    Case(
        "optional name that is missing",
        decorated(NUMPY, ARRAY_OUT, "input_schema('more', StandardPythonParameterType(1.0), optional=True)"),
        None,
        "",
    ),
    Case(
        "datetime sample",
        decorated(
            "input_schema('data', StandardPythonParameterType(datetime.datetime.now()))",
            ARRAY_OUT,
            body="return [data.hour]",
        ),
        None,
        "",
    ),
    Case(
        "bytes sample",
        decorated("input_schema('data', StandardPythonParameterType(b'abc'))", ARRAY_OUT, body="return [len(data)]"),
        None,
        "",
    ),
    Case(
        "samples made by code",
        decorated(
            "input_schema('data', NumpyParameterType(sample))",
            ARRAY_OUT,
            before="def make():\n    return np.ones((1, 2))\n\nsample = make()\n",
        ),
        None,
        "",
    ),
    Case(
        "frame read from a file",
        decorated(
            "input_schema('data', PandasParameterType(pd.read_csv('sample.csv')))",
            ARRAY_OUT,
            body="return data['a'].tolist()",
        ),
        None,
        "",
    ),
]
