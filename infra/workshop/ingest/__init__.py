"""Users' files as rows: detection of the format, the encoding, the delimiter and the notation."""
