"""The command `esign`: parse, call, print, in Vietnamese or English."""
