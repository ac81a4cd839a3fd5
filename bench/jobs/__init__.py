"""One run as another process sees it: its file, its progress, its log, and its row if it dies without writing one."""
