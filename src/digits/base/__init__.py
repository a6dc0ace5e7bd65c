"""What every other package uses: paths, files, errors, the base of all configuration schemas."""
