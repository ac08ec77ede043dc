"""A report as JSON, ETSI TS 119 102-2 XML, a page, lines and a receipt: one model behind all."""
