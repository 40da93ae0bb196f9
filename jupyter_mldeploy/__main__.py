"""``python -m jupyter_mldeploy``: the command line."""

import sys

from .cli import main

sys.exit(main())
