"""``python -m jupyter_mldeploy.scoring``."""

import sys

from .standalone_main import main

if __name__ == "__main__":
    sys.exit(main())
