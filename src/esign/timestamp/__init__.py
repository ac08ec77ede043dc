"""RFC 3161 time-stamps: ask several authorities, check what they answer."""
