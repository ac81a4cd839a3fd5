"""What is measured: functions from labels, scores and masks to numbers, with no knowledge of runs or files."""
