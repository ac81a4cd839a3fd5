"""Readers of files that anybody may have touched: an error of ours or a good value, never another exception."""
