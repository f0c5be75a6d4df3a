"""What image/lint.py checks: the partition table, the boot partition, the root file system, and the files beside the image."""
