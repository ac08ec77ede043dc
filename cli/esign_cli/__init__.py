"""The command `esign`: parse, call, print. What it prints is in Vietnamese or English."""
