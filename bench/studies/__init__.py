"""Studies: what ``bench run`` is asked for, by options or a file, carried out."""
