"""What a reader does in these tests: scan, and see."""

from playwright.sync_api import Page as Tab

from tests.support.site import Sample, Site

__all__ = ["sample", "scan", "shown"]


def sample(site: Site, name: str) -> Sample:
    """The seal called `name`."""
    return next(s for s in site.samples if s.name == name)


def scan(tab: Tab, url: str) -> str:
    """Open what a symbol holds; the state on show."""
    tab.goto(url)
    return shown(tab)


def shown(tab: Tab) -> str:
    """The state on show, once there is one."""
    tab.wait_for_selector("#panel[data-state]")
    return tab.get_attribute("#panel", "data-state") or ""
