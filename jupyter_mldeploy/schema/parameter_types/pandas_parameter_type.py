"""A parameter that is a pandas DataFrame."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any
from warnings import warn

from ..errors import RequestError, SchemaDefinitionError, child_path, describe, listed
from .abstract_parameter_type import CONVERSION_ERRORS, AbstractParameterType
from .frame_building import ORIENTS, cast_column, first_misfit, read_frame, with_sample_columns
from .frame_shortcut import FrameShortcut
from .standard_schema import dict_schema, last, list_schema, merged, merged_or_last

if TYPE_CHECKING:
    import pandas as pd

_FORMS = {"datetime": "date-time", "timedelta": "timedelta"}


class PandasParameterType(AbstractParameterType):
    """A DataFrame like the sample: same columns and dtypes, any number of rows.

    Columns come in the sample's order and with the sample's labels, whatever the order in the request.

    Args:
        sample_input: DataFrame.
        enforce_column_type: cast columns to the sample's dtypes.
        enforce_shape: refuse other numbers of columns.
        apply_column_names: deprecated; rename the columns by position.
        orient: how JSON spells the frame, as in ``DataFrame.to_json``.

    Raises:
        SchemaDefinitionError: the sample is no DataFrame, or the orient does not exist.
    """

    def __init__(
        self,
        sample_input: Any,
        enforce_column_type: bool = True,
        enforce_shape: bool = True,
        apply_column_names: bool = False,
        orient: str = "records",
    ) -> None:
        import pandas as pd

        if not isinstance(sample_input, pd.DataFrame):
            raise SchemaDefinitionError("Invalid sample input provided, must provide a sample Pandas Dataframe.")
        super().__init__(sample_input)
        self.enforce_column_type = enforce_column_type
        self.enforce_shape = enforce_shape
        if apply_column_names:
            text = "apply_column_names is a deprecated parameter and will be removed in a future update"
            warn(text, DeprecationWarning, stacklevel=2)
        self.apply_column_names = apply_column_names
        if orient not in ORIENTS:
            raise SchemaDefinitionError(
                "Invalid orient provided, must be one of ('split', 'records', 'index', 'columns', 'values', or 'table')"
            )
        self.orient = orient
        self._swagger: dict[str, Any] | None = None
        self._shortcut: FrameShortcut | None = None
        if orient == "records" and enforce_column_type and enforce_shape and not apply_column_names:
            self._shortcut = FrameShortcut.for_sample(sample_input)

    def input_to_swagger(self) -> dict[str, Any]:
        """Return the schema of the sample in its orient, ``example`` and ``format: pandas.DataFrame:<orient>``."""
        if self._swagger is None:
            example = self._sample_json()
            # Rows of several types are described by their last item, as the original does; json_schema says it all.
            merge = last if self.orient == "table" else merged_or_last
            schema = list_schema(example, merge) if isinstance(example, list) else dict_schema(example, merge)
            self._mark_instants(schema)
            self._swagger = schema | {"format": f"pandas.DataFrame:{self.orient}"}
        return copy.deepcopy(self._swagger)

    def json_schema(self) -> dict[str, Any]:
        """Return the schema with free row labels, mixed rows described in full and the width that is enforced."""
        schema = self._exact_schema()
        schema["format"] = f"pandas.DataFrame:{self.orient}"
        return schema

    def expectation(self) -> str:
        """Say in words what a request must hold, for example ``records with the columns 'age', 'income'``."""
        what = "records" if self.orient == "records" else f"a frame in the orient {self.orient!r}"
        columns = self.sample_input.columns
        return f"{what} with the columns {listed(columns)}" if len(columns) else what

    def deserialize_input(self, input_data: Any) -> Any:
        """Convert decoded JSON to a DataFrame; a DataFrame is passed on. Raise ``ValueError`` when it does not fit."""
        return self._deserialize(input_data)

    _own_deserialize = deserialize_input

    def _convert_quickly(self, value: Any, path: str) -> Any:
        frame = self._shortcut(value) if self._shortcut is not None else None
        return self._convert(value, path) if frame is None else frame

    def _convert(self, value: Any, path: str) -> Any:
        import pandas as pd

        if isinstance(value, pd.DataFrame):
            return value
        if not isinstance(value, (list, dict)):
            reason = f"Error, unable to convert input of type {type(value)} into Pandas Dataframe"
            raise RequestError.at(path, reason, expected=self.expectation(), got=describe(value))
        try:
            frame, positional = read_frame(value, self.orient, self.sample_input)
            if self.apply_column_names:
                frame.columns = self.sample_input.columns.copy()
            elif not positional:
                frame = with_sample_columns(frame, self.sample_input)
        except CONVERSION_ERRORS as error:
            raise RequestError.at(path, str(error), expected=self.expectation(), got=describe(value)) from error
        if self.enforce_shape and len(self.sample_input.columns):
            self._check_width(frame, value, path, positional)
        return self._cast(frame, value, path, positional) if self.enforce_column_type else frame

    def _cast(self, frame: pd.DataFrame, value: Any, path: str, positional: bool) -> pd.DataFrame:
        import numpy as np
        import pandas as pd

        sample = self.sample_input
        by_position = positional and len(frame.columns) == len(sample.columns)
        dtypes = list(sample.dtypes) if by_position else None
        by_label = dict(zip(sample.columns, sample.dtypes, strict=True))
        columns = {}
        for position, label in enumerate(frame.columns):
            dtype = dtypes[position] if dtypes is not None else by_label.get(label, np.dtype(object))
            column = frame.iloc[:, position]
            try:
                columns[position] = cast_column(column, dtype)
            except CONVERSION_ERRORS as error:
                raise self._misfit(column, dtype, value, path, error) from error
        if not columns:
            return frame
        cast = pd.DataFrame(columns, index=frame.index)
        cast.columns = frame.columns
        return cast

    def _misfit(self, column: pd.Series[Any], dtype: Any, value: Any, path: str, error: Exception) -> RequestError:
        label = str(column.name)
        reason = f"{error}: Error while type casting for column '{label}'"
        expected = f"{dtype} values in column {label!r}"
        row = first_misfit(column, dtype)
        if row is None:
            return RequestError.at(path, reason, expected=expected, got=describe(value))
        at_row = self.orient == "records" and isinstance(value, list)
        where = child_path(child_path(path, row), label) if at_row else path
        return RequestError.at(where, reason, expected=expected, got=_describe_item(column.iloc[row]))

    def _check_width(self, frame: pd.DataFrame, value: Any, path: str, positional: bool) -> None:
        width, expected = frame.shape[1], self.sample_input.shape[1]
        if width == expected:
            return
        reason = (
            f"Invalid input data frame: data frame has size {width} on dimension #1, while expected value is {expected}"
        )
        if not positional:
            wanted = dict.fromkeys(map(str, self.sample_input.columns))
            came = dict.fromkeys(map(str, frame.columns))
            missing = listed(name for name in wanted if name not in came)
            extra = listed(name for name in came if name not in wanted)
            found = ([f"missing {missing}"] if missing else []) + ([f"unexpected {extra}"] if extra else [])
            reason += f": {' and '.join(found)}" if found else ""
        raise RequestError.at(path, reason, expected=self.expectation(), got=describe(value))

    def _sample_json(self) -> Any:
        return json.loads(self.sample_input.to_json(orient=self.orient, date_format="iso"))

    def _mark_instants(self, schema: dict[str, Any]) -> None:
        """Add the format of datetime and timedelta columns, whose example is only text."""
        for label, dtype in zip(self.sample_input.columns, self.sample_input.dtypes, strict=True):
            form = next((form for start, form in _FORMS.items() if str(dtype).startswith(start)), None)
            if form is None:
                continue
            for cell in self._cells(schema, str(label)):
                cell["format"] = form

    def _cells(self, schema: dict[str, Any], label: str) -> list[dict[str, Any]]:
        members = schema.get("properties", {})
        if self.orient == "records":
            rows = [schema["items"].get("properties", {})]
        elif self.orient == "index":
            rows = [row["properties"] for row in members.values()]
        elif self.orient == "columns":
            return list(members[label].get("properties", {}).values())
        elif self.orient == "table":
            rows = [members["data"]["items"].get("properties", {})]
        else:
            return []
        return [row[label] for row in rows if label in row]

    def _exact_schema(self) -> dict[str, Any]:
        row = self._row_schema()
        cells = list(row["properties"].values())
        if self.orient == "records":
            return {"type": "array", "items": row}
        if self.orient == "index":
            return {"type": "object", "additionalProperties": row}
        if self.orient == "columns":
            columns = {
                name: {"type": "object", "additionalProperties": cell} for name, cell in row["properties"].items()
            }
            return row | {"properties": columns}
        if self.orient == "table":
            return {key: item for key, item in self.input_to_swagger().items() if key != "example"}
        width = {"minItems": len(cells), "maxItems": len(cells)} if self.enforce_shape and cells else {}
        matrix = {"type": "array", "items": {"type": "array", "items": merged(cells) if cells else {}} | width}
        if self.orient == "values":
            return matrix
        properties = {
            "columns": {"type": "array", "items": {"type": "string"}} | width,
            "index": {"type": "array", "items": {}},
            "data": matrix,
        }
        return {"type": "object", "required": ["columns", "data"], "properties": properties}

    def _row_schema(self) -> dict[str, Any]:
        """Return the schema of one row as an object, whatever the orient."""
        import numpy as np

        records = json.loads(self.sample_input.to_json(orient="records", date_format="iso"))
        schema = list_schema(records, merged)["items"] if records else {}
        row: dict[str, Any] = {"type": "object"}
        names = [str(label) for label in self.sample_input.columns]
        if names:
            row["required"] = names
        row["properties"] = {name: schema.get("properties", {}).get(name, {}) for name in names}
        for label, dtype in zip(self.sample_input.columns, self.sample_input.dtypes, strict=True):
            form = next((form for start, form in _FORMS.items() if str(dtype).startswith(start)), None)
            if form is not None:
                row["properties"][str(label)] = {"type": "string", "format": form}
            elif getattr(dtype, "kind", "") in "iu":
                limits = np.iinfo(str(dtype).lower())
                row["properties"][str(label)] |= {"minimum": int(limits.min), "maximum": int(limits.max)}
        if self.enforce_shape and names:
            row["additionalProperties"] = False
        return row


def _describe_item(item: Any) -> str:
    plain = item.item() if hasattr(item, "item") else item
    # A gap in a column of numbers has already become NaN.
    return "null or NaN" if isinstance(plain, float) and plain != plain else describe(plain)  # noqa: PLR0124
