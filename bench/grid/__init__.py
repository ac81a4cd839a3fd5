"""Many runs: what was asked is compared with the store, and what is left handed to an executor and collected."""
