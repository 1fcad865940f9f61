"""The settings of a job: it reads no files and no variables for them."""

from pathlib import Path

from flowstone_client.settings import Settings


def job_settings(store: str, user: str, folder: Path) -> Settings:
    """Settings for whoever asks for them in a job whose code is in `folder`."""
    return Settings(store, user, folder)
