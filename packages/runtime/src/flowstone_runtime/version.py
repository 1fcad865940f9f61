"""The version of this package: said here once, and read without looking for installed packages."""

__version__ = "0.1.0"
