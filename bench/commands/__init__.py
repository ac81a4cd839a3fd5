"""The commands of ``bench``, a file for each family; ``bench/cli.py`` joins them."""
