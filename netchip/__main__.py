"""`python -m netchip` is the `netchip` command."""

import sys

from netchip.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
