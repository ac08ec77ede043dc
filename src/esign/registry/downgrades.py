"""Going back to an older schema: only where that forgets nothing.

An operator who has to go back to the version before does so with the data at hand. What the older schema has no words
for would be lost, so a step down is refused while there is any of it.
"""

from alembic import op

from esign.errors import RegistryError

__all__ = ["refuse_to_lose"]


def refuse_to_lose(revision: str, **left: str) -> None:
    """Refuse to undo `revision` where one of the queries `left`, each under its word, finds a row.

    Raises:
        RegistryError: `registry-downgrade-loses`.
    """
    for what, query in left.items():
        if op.get_bind().exec_driver_sql(f"{query} LIMIT 1").first() is not None:
            raise RegistryError("registry-downgrade-loses", revision=revision, what=what)
