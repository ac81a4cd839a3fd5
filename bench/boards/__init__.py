"""From records and published rows to ranked boards: what may stand beside what, and which figure each row has.

Nothing here formats a number (``bench.board_formats`` does) or looks at a model, an image or a label that is not in a
record.
"""
