"""Who asks: keys of access, OAuth 2 bearer tokens, and client certificates that a proxy has checked.

Each way turns what was shown into an `esign.service.access.Principal`; `authenticator` puts them together. Nothing is
granted by default: a token or a certificate without a rule that names it opens nothing.
"""
