"""Checks of image/lint.py: the partition table, the boot partition, the root file system, and the files beside the image."""
