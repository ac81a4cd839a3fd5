"""Faults, tried for real: grids in processes of their own, hurt at random points, then run again to the end."""
