"""Readable failures of the suite that lies in the package."""

import pytest

pytest.register_assert_rewrite("jupyter_mldeploy.targets.conformance")
