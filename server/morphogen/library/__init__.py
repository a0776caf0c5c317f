"""The style library: style files, datagrams, alignment, folders and the bank of slots."""
