"""Records as a static web site: plain files that any browser opens from disk, without a server or a network."""
