# ruff: noqa: E501 - scripts in one line
"""Scripts by what they take and answer."""

from __future__ import annotations

from .case import HEAD, INIT, LOAD, RAW, Case, plain, raw

RETURN_CASES = [
    *(
        Case(f"returns {value}", plain(f"{LOAD}return {value}"), "MLD401")
        for value in (
            "np.array(rows)",
            "pd.DataFrame(rows)",
            "pd.Series(rows)",
            "np.int64(3)",
            "np.float32(1.5)",
            "b'abc'",
            "{1, 2}",
            "set(rows)",
            "pd.Timestamp('2024-01-01')",
            "{'a': np.array(rows)}",
            "[np.int64(1)]",
            "{'a': {'b': {1, 2}}}",
            "list(np.array([1, 2]))",
            "{(1, 2): 3}",
            "np.zeros(3)",
            "json.dumps({'a': np.array(rows)})",
            "str(rows).encode()",
            "np.asarray(rows).reshape(-1)",
            "pd.DataFrame(rows).head()",
        )
    ),
    Case("returns array variable", plain(f"{LOAD}result = np.array(rows)\nreturn result"), "MLD401"),
    Case(
        "returns array variable in dict", plain(f"{LOAD}result = np.array(rows)\nreturn {{'result': result}}"), "MLD401"
    ),
    Case(
        "returns prediction",
        plain(
            f"{LOAD}return model.predict(rows)",
            init="def init():\n    global model\n    model = load()\n\n",
            before="from loader import load\n",
        ),
        "MLD402",
    ),
    *(
        Case(f"returns {value}", plain(f"{LOAD}return {value}"), None, "")
        for value in (
            "np.array(rows).tolist()",
            "pd.DataFrame(rows).to_dict('records')",
            "np.float64(1.5)",
            "float(np.float32(1))",
            "list(np.array([1.0, 2.0]))",
            "{'a': float('nan')}",
            "{'a': [1, 2]}",
            "len(rows)",
            "None",
            "'text'",
            "[str(rows)]",
            "np.array(rows).sum().item()",
            "{1: 2}",
            "sorted(set(rows))",
            "str(np.array(rows))",
            "dict(zip(rows, rows))",
            "(1, 2)",
            "json.loads(pd.DataFrame(rows).to_json())",
        )
    ),
    Case(
        "returns array made a list",
        plain(f"{LOAD}result = np.array(rows)\nresult = result.tolist()\nreturn result"),
        None,
        "",
    ),
    Case("returns json text", plain(f"{LOAD}return json.dumps(rows)"), "MLD403", ""),
    Case("returns json text of a frame", plain(f"{LOAD}return pd.DataFrame(rows).to_json()"), "MLD403", ""),
    Case(
        "returns json text with default", plain(f"{LOAD}return json.dumps(np.array(rows), default=str)"), "MLD403", ""
    ),
    Case("returns json text variable", plain(f"{LOAD}out = json.dumps(rows)\nreturn out"), "MLD403", ""),
    Case("returns status tuple", plain(f"{LOAD}return {{'error': 'x'}}, 400"), "MLD406", ""),
    Case(
        "returns error text",
        plain("try:\n    return json.loads(raw_data)\nexcept Exception as e:\n    return str(e)"),
        "MLD404",
        "",
    ),
    Case(
        "returns error object",
        plain("try:\n    return json.loads(raw_data)\nexcept Exception as e:\n    return {'error': str(e)}"),
        "MLD404",
        "",
    ),
    Case(
        "returns error variable",
        plain("try:\n    return json.loads(raw_data)\nexcept Exception as e:\n    error = str(e)\n    return error"),
        "MLD404",
        "",
    ),
    Case(
        "returns error later",
        plain(
            "try:\n    result = json.loads(raw_data)\nexcept Exception as e:\n    result = str(e)\nreturn {'result': result}"
        ),
        "MLD404",
        "",
    ),
    Case(
        "error text as array",
        plain(
            "try:\n    result = np.array(json.loads(raw_data))\nexcept Exception as e:\n    result = str(e)\nreturn result.tolist()"
        ),
        "MLD405",
        when="the input is wrong",
    ),
    Case("returns nothing", plain("print(len(json.loads(raw_data)))"), "MLD407", ""),
    Case(
        "exits",
        plain("import sys\nif not raw_data:\n    sys.exit(1)\nreturn json.loads(raw_data)"),
        "MLD408",
        when="the body is empty",
    ),
    Case("text with key", plain("return json.dumps(raw_data['data'])"), "MLD411"),
    Case("text with get", plain("return json.dumps(raw_data.get('data'))"), "MLD411"),
    Case(
        "text with key, parsed later",
        plain("x = raw_data['model']\nraw_data = json.loads(raw_data)\nreturn [x, raw_data]"),
        "MLD411",
    ),
    Case("parsed before key", plain("raw_data = json.loads(raw_data)\nreturn raw_data['data']"), None, ""),
    Case(
        "key behind isinstance",
        plain("if isinstance(raw_data, str):\n    raw_data = json.loads(raw_data)\nreturn raw_data['data']"),
        None,
        "",
    ),
    Case(
        "key in forgiving try",
        plain(
            "try:\n    rows = raw_data['data']\nexcept TypeError:\n    rows = json.loads(raw_data)['data']\nreturn rows"
        ),
        None,
        "",
    ),
    Case(
        "method without rawhttp",
        RAW
        + "\n"
        + INIT
        + "def run(request):\n    if request.method == 'GET':\n        return AMLResponse('x', 200)\n    return AMLResponse(request.get_data(), 200)\n",
        "MLD412",
    ),
]

RAW_CASES = [
    Case("raw echo", raw("return AMLResponse(request.get_data(), 200)"), None, ""),
    Case(
        "raw by method",
        raw(
            "if request.method == 'GET':\n    return AMLResponse(str.encode(request.full_path), 200)\nreturn AMLResponse('bad request', 500)"
        ),
        None,
        "",
        when="the script refuses POST",
    ),
    Case("raw json", raw("return AMLResponse({'a': request.get_json()}, 200, json_str=True)"), None, ""),
    Case(
        "raw with headers",
        raw(
            "response = AMLResponse(request.get_data(), 200)\nresponse.headers['Access-Control-Allow-Origin'] = '*'\nreturn response"
        ),
        None,
        "",
    ),
    Case(
        "raw and schema",
        RAW
        + HEAD
        + INIT
        + "@rawhttp\n@input_schema('request', StandardPythonParameterType('a'))\ndef run(request):\n    return AMLResponse(str(request), 200)\n",
        "MLD501",
        "L",
    ),
    Case("rawhttp called", raw("return AMLResponse(request.get_data(), 200)", "@rawhttp()"), "MLD502", "I"),
    Case("json.loads of request", raw("return AMLResponse(str(json.loads(request)), 200)"), "MLD503"),
    Case("key of request", raw("return AMLResponse(str(request['k']), 200)"), "MLD503"),
    Case("response without status", raw("return AMLResponse(request.get_data())"), "MLD504"),
    Case("response of list", raw("return AMLResponse([1, 2], 200)"), "MLD505"),
    Case("response of dict", raw("return AMLResponse({'a': 1}, 200)"), "MLD505", ""),
    Case("response of array", raw("import numpy as np\nreturn AMLResponse(np.zeros(2), 200, {})"), "MLD505"),
    Case("response encoded twice", raw("return AMLResponse(json.dumps({'a': 1}), 200, json_str=True)"), "MLD506", ""),
    Case("response of json text", raw("return AMLResponse(json.dumps({'a': 1}), 200)"), None, ""),
    Case("int header", raw("return AMLResponse('x', 200, {'X-Count': 3})"), "MLD508"),
    Case("text header", raw("return AMLResponse('x', 200, {'X-Count': '3'})"), None, ""),
    Case(
        "rawhttp on helper",
        RAW
        + "@rawhttp\ndef helper(request):\n    return request.get_data()\n\n"
        + INIT
        + "def run(request):\n    return json.loads(request)\n",
        "MLD507",
    ),
    Case("raw returns dict", raw("return {'size': len(request.get_data())}"), "MLD508", ""),
]
