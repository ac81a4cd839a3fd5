"""The referee's services to a method under training."""
