"""Offline installation: download of all files in advance, and the folder for a USB stick."""
