"""The words of reports that are no reasons, in TOML as those of `esign.texts`."""
