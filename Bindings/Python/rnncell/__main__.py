"""`python -m rnncell` is the command `rnncell`."""
import sys

from .cli import main

sys.exit(main())
