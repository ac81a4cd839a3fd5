"""One referee for unsupervised image anomaly detectors."""
