"""The address of a bucket in object storage that has the S3 API."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, unquote, urlsplit

from msgspec import Struct

_OPTIONS = ("endpoint", "region", "credentials")


class ObjectUrl(Struct, frozen=True, kw_only=True):
    """A bucket and the prefix of all keys in it.

    `endpoint` is the URL of a server that is not Amazon's. The keys are never here: they are in the environment
    (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`), or the host that the program runs on has a role
    (`from_instance`).
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    from_instance: bool = False

    def __str__(self) -> str:
        options = {"endpoint": self.endpoint, "region": self.region}
        options["credentials"] = "instance" if self.from_instance else None
        query = "&".join(f"{name}={quote(value, safe=':/')}" for name, value in options.items() if value is not None)
        path = quote(f"{self.bucket}/{self.prefix}" if self.prefix else self.bucket)
        return f"s3://{path}" + (f"?{query}" if query else "")


def is_object_url(text: str) -> bool:
    """Return whether a text is meant to be such an address."""
    return text.startswith("s3:")


def parse_object_url(text: str) -> ObjectUrl:
    """Return the address `s3://BUCKET/PREFIX?endpoint=URL&region=NAME&credentials=instance`; only BUCKET is required.

    Raises ValueError for one of something else, or with a key, which others could read.
    """
    parts = urlsplit(text)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError("must begin with s3://BUCKET")
    if "@" in parts.netloc:
        raise ValueError("must have no key; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - set(_OPTIONS)):
        raise ValueError(f"has an unknown option {unknown[0]!r} (known: {', '.join(_OPTIONS)})")
    if options.get("credentials", "instance") != "instance":
        raise ValueError("has an unknown value of credentials (known: instance)")
    endpoint = options.get("endpoint")
    if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ValueError("needs an endpoint that begins with https:// or http://")
    return ObjectUrl(
        bucket=parts.netloc,
        prefix=unquote(parts.path).strip("/"),
        endpoint=endpoint,
        region=options.get("region"),
        from_instance="credentials" in options,
    )


def check_object_url(text: str) -> str:
    """Return a text that is such an address. Raises ValueError."""
    parse_object_url(text)
    return text
