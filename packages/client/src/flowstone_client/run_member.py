"""What steps, tasks and artifacts have in common: the run that they belong to, and its tags."""

from typing import TYPE_CHECKING

from flowstone_client.client_object import ClientObject
from flowstone_client.run_journal import RunJournal

if TYPE_CHECKING:
    from flowstone_datastore import RunSummary


class RunMember(ClientObject):
    """A part of a run, as of when it was asked for."""

    _journal: RunJournal
    _summary: "RunSummary"

    def _belong(self, journal: RunJournal, summary: "RunSummary", pathspec: str) -> None:
        """Be the part of a run that has this name."""
        self._client = journal.client
        self._journal = journal
        self._summary = summary
        self._datastore = journal.datastore
        self.pathspec = pathspec
        self.id = pathspec.rpartition("/")[2]

    @property
    def user_tags(self) -> frozenset[str]:
        """The tags that people gave its run."""
        return self._summary.tags

    @property
    def system_tags(self) -> frozenset[str]:
        """The tags that flowstone gave its run."""
        return frozenset(self._summary.started.system_tags)

    @property
    def tags(self) -> frozenset[str]:
        """All tags of its run."""
        return self.user_tags | self.system_tags
