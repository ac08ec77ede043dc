"""Webhooks: portals and citizens' document stores are told of each result (docs/spec/webhooks.md).

What happens is written to the register's outbox in the transaction in which it happens; this package signs and sends
it, again and again until it is taken, as Standard Webhooks has it (https://www.standardwebhooks.com).
"""

from esign.webhooks.endpoints import Added, WebhookDesk
from esign.webhooks.secrets import WebhookKey, shown
from esign.webhooks.sender import WebhookSender
from esign.webhooks.signing import is_signed, signature

__all__ = ["Added", "WebhookDesk", "WebhookKey", "WebhookSender", "is_signed", "shown", "signature"]
