"""The command line and its workspace, as the tests of the command line have them."""

from tests.cli.conftest import folder, home, mldeploy, prediction, ridge

__all__ = ["folder", "home", "mldeploy", "prediction", "ridge"]
