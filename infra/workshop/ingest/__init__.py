"""Files of users as rows: what a file is, how its text is encoded and separated, and how its columns are written."""
