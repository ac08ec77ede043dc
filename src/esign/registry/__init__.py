"""What was issued, its standing, and the intents that come before every signature (docs/adr/0003-intents.md).

>>> import tempfile
>>> from datetime import UTC, datetime
>>> from pathlib import Path
>>> from esign.codes import AgencyCode
>>> folder = tempfile.TemporaryDirectory()
>>> registry = Registry.open(Path(folder.name) / "register.sqlite", now=lambda: datetime(2026, 11, 21, tzinfo=UTC))
>>> intent = registry.reserve(
...     NewIntent(
...         agency=AgencyCode.parse("H26.1.2"),
...         idempotency_key="portal-7731",
...         request_digest="00" * 32,
...         profile="default",
...         number=NextNumber(symbol="QĐ-UBND"),
...     )
... )
>>> str(intent.number), intent.state.value
('01/QĐ-UBND', 'reserved')
>>> registry.close()
>>> folder.cleanup()
"""

from typing import TYPE_CHECKING

from esign import lazy

if TYPE_CHECKING:
    from esign.registry.access import AccessKey, Grant
    from esign.registry.approvals import Decision
    from esign.registry.audit import Actor, act_as, acting, actor
    from esign.registry.audit_log import Anchor
    from esign.registry.batch_values import (
        Batch,
        BatchId,
        BatchItem,
        BatchOrigin,
        BatchRows,
        BatchState,
        Inclusion,
        NewItem,
        RowState,
    )
    from esign.registry.book_listing import Book, BookEntry
    from esign.registry.chain import Entry
    from esign.registry.endpoints import Endpoint, EndpointId
    from esign.registry.events import Event
    from esign.registry.lookups import PublicEntry
    from esign.registry.many import Fixation
    from esign.registry.outbox import Message, Webhook, WebhookState
    from esign.registry.presentations import Presentation, Presented
    from esign.registry.registration import FileVersion, Registration, SignerCertificate, Upgrade, UpgradeState
    from esign.registry.registry import Registry
    from esign.registry.requests import Answer, Recalled, RequestKey
    from esign.registry.shards import OtherResult, Shard, ShardStatus
    from esign.registry.standing import CurrentStanding, StandingEntry
    from esign.registry.tasks import Task
    from esign.registry.values import (
        Delivery,
        Intent,
        IntentKind,
        IntentState,
        NewIntent,
        NextNumber,
        NumberSource,
        Page,
    )
    from esign.registry.workers import PresentWorker

__all__ = [
    "AccessKey",
    "Actor",
    "Anchor",
    "Answer",
    "Batch",
    "BatchId",
    "BatchItem",
    "BatchOrigin",
    "BatchRows",
    "BatchState",
    "Book",
    "BookEntry",
    "CurrentStanding",
    "Decision",
    "Delivery",
    "Endpoint",
    "EndpointId",
    "Entry",
    "Event",
    "FileVersion",
    "Fixation",
    "Grant",
    "Inclusion",
    "Intent",
    "IntentKind",
    "IntentState",
    "Message",
    "NewIntent",
    "NewItem",
    "NextNumber",
    "NumberSource",
    "OtherResult",
    "Page",
    "PresentWorker",
    "Presentation",
    "Presented",
    "PublicEntry",
    "Recalled",
    "Registration",
    "Registry",
    "RequestKey",
    "RowState",
    "Shard",
    "ShardStatus",
    "SignerCertificate",
    "StandingEntry",
    "Task",
    "Upgrade",
    "UpgradeState",
    "Webhook",
    "WebhookState",
    "act_as",
    "acting",
    "actor",
]

if not TYPE_CHECKING:
    __getattr__ = lazy.loader(
        __name__,
        {
            "access": "AccessKey Grant",
            "approvals": "Decision",
            "audit": "Actor act_as acting actor",
            "audit_log": "Anchor",
            "book_listing": "Book BookEntry",
            "batch_values": "Batch BatchId BatchItem BatchOrigin BatchRows BatchState Inclusion NewItem RowState",
            "chain": "Entry",
            "endpoints": "Endpoint EndpointId",
            "events": "Event",
            "lookups": "PublicEntry",
            "many": "Fixation",
            "outbox": "Message Webhook WebhookState",
            "presentations": "Presentation Presented",
            "registration": "FileVersion Registration SignerCertificate Upgrade UpgradeState",
            "registry": "Registry",
            "requests": "Answer Recalled RequestKey",
            "shards": "OtherResult Shard ShardStatus",
            "standing": "CurrentStanding StandingEntry",
            "tasks": "Task",
            "values": "Delivery Intent IntentKind IntentState NewIntent NextNumber NumberSource Page",
            "workers": "PresentWorker",
        },
    )
