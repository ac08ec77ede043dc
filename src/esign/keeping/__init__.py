"""Keep documents provable for decades: which lose their proof when, renewed in time, with a report.

>>> keeper = Keeper(FolderStore([Path("archive")]), index=Index.open(Path("keeper.sqlite")), renewer=renewer, now=now)
>>> for renewed in keeper.renew(keeper.plan(within=timedelta(days=90)).due):
...     print(renewed.name, renewed.error or renewed.until)
"""

from esign.keeping.index import Entry, Index
from esign.keeping.keeper import Keeper, Plan, Renewed
from esign.keeping.registered import RegisterStore
from esign.keeping.stores import DocumentStore, FolderStore

__all__ = ["DocumentStore", "Entry", "FolderStore", "Index", "Keeper", "Plan", "RegisterStore", "Renewed"]
