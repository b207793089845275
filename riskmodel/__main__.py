"""``python -m riskmodel`` is the command ``riskmodel``."""

import sys

from riskmodel.cli import main

if __name__ == "__main__":
    sys.exit(main())
