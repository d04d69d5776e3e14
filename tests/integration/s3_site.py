"""A bucket of the real S3 server behind a proxy that can fail, and a lake that takes it in."""

from dataclasses import dataclass
from typing import Any

from faulty_proxy import Fault, Proxy
from intake_site import PREFIX, Site, calls
from s3_server import S3Server, User


@dataclass
class Remote:
    """A bucket behind a proxy, written by the root and read by a user who may only read."""

    server: S3Server
    proxy: Proxy
    bucket: str
    client: Any
    user: User
    site: Site

    def put(self, name: str, *ids: str, filler: int = 0, prefix: str = PREFIX) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"in/{prefix}/{name}", Body=calls(*ids, filler=filler))

    def uri(self, name: str) -> str:
        return f"s3://{self.bucket}/in/{PREFIX}/{name}"

    def set(self, **settings: Any) -> None:
        """Change the source."""
        self.site.source = self.site.source.model_copy(update=settings)

    def keep_versions(self) -> None:
        """Make the bucket a versioned one."""
        self.client.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})


def of_object(name: str, *faults: str | int) -> Fault:
    """A fault for each read of the object in turn; the last one for ever, if it is given twice."""
    left = list(faults)
    lasts = faults[-1] if len(faults) > 1 and faults[-1] == faults[-2] else None

    def fault(method: str, path: str) -> str | int | None:
        if method != "GET" or not path.partition("?")[0].endswith(f"/{name}"):
            return None
        return left.pop(0) if left else lasts

    return fault
