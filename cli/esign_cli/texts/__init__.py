"""The words of the command, in Vietnamese and English; one TOML file a kind."""
