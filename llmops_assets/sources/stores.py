"""Opening the store that a source names: a local folder or an S3 bucket."""

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources.bucket import bucket
from llmops_assets.sources.local import local_folder
from llmops_assets.sources.objects import Store


def store_of(source: SourceSettings) -> Store:
    """The store of `source`. No request is made; environment variables named by the source are read.

    Raises:
        SourceError: a variable, a profile or the bucket's name is missing.
    """
    return bucket(source) if source.uri.startswith("s3://") else local_folder(source)
