"""Figures for papers, drawn from records alone: ``bench plot …``. Nothing here imports torch or trains a model.

Every figure is one file, with the numbers it was drawn from as CSV beside it. A module draws one sort of figure:
``draw(…) -> Drawing``; ``selection`` says which runs may stand in one, ``style`` how it looks, ``output`` writes it.
"""
