"""``python -m bench``: the command line from a checkout."""

from bench.cli import main

if __name__ == "__main__":
    main()
