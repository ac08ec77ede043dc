"""Where a register on PostgreSQL is: a URL without secrets.

`postgresql://esign@db.example.gov.vn/register?sslmode=verify-full&password-file=/run/credentials/esign/database`

What follows the question mark are libpq's own parameters
(https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS), and `password-file`: a file that holds
the password alone, read anew for each connection. Without it libpq finds the password where its tools do (PGPASSFILE,
PGSERVICEFILE), or needs none.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, unquote, urlsplit

from esign.errors import RegistryError
from esign.reasons import system_problem

__all__ = ["DatabaseURL"]

_SCHEMES = ("postgresql", "postgres")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseURL:
    """A database, and how to get in."""

    text: str
    """As it was written."""
    parameters: tuple[tuple[str, str], ...]
    """What libpq is told, in the order of the URL."""
    password_file: Path | None
    """Holds the password."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL.

        Raises:
            RegistryError: `registry-url-invalid`, or `registry-url-secret`: it holds a password.
        """
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as e:
            raise RegistryError("registry-url-invalid") from e
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.password is not None or "password" in query:
            raise RegistryError("registry-url-secret")
        password_file = query.pop("password-file", None)
        database = unquote(parts.path.removeprefix("/"))
        if parts.scheme not in _SCHEMES or "/" in database or not (database or "service" in query):
            raise RegistryError("registry-url-invalid")
        found = {
            "host": parts.hostname,
            "port": port,
            "user": unquote(parts.username) if parts.username else None,
            "dbname": database,
        }
        parameters = {name: str(value) for name, value in found.items() if value} | query
        return cls(
            text=text,
            parameters=tuple(parameters.items()),
            password_file=Path(password_file) if password_file else None,
        )

    @property
    def name(self) -> str:
        """What messages call it: host and database."""
        known = dict(self.parameters)
        return f"{known.get('host', known.get('service', 'localhost'))}/{known.get('dbname', '')}"

    def to_connect(self) -> dict[str, str]:
        """What libpq is told, with the password as it is now.

        Raises:
            RegistryError: `registry-password-unreadable`.
        """
        told = dict(self.parameters)
        if self.password_file is not None:
            try:
                told["password"] = self.password_file.read_text("utf-8").strip("\r\n")
            except (OSError, UnicodeDecodeError) as e:
                problem = system_problem(e) if isinstance(e, OSError) else "UTF-8"
                raise RegistryError("registry-password-unreadable", file=self.password_file, problem=problem) from e
        return told
