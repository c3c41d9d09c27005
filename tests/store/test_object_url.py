"""The address of a bucket: what is read, what is refused, and that it is written as it was read."""

from __future__ import annotations

import pytest

from watcher.store.object_url import ObjectUrl, parse_object_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://bucket", ObjectUrl(bucket="bucket")),
        ("s3://bucket/a/b%20c", ObjectUrl(bucket="bucket", prefix="a/b c")),
        (
            "s3://bucket/a?endpoint=http://127.0.0.1:8333&region=eu-1&credentials=instance",
            ObjectUrl(bucket="bucket", prefix="a", endpoint="http://127.0.0.1:8333", region="eu-1", from_instance=True),
        ),
    ],
)
def test_an_address_is_read_and_written(text: str, url: ObjectUrl) -> None:
    assert parse_object_url(text) == url
    assert str(url) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://bucket", "must begin with s3://BUCKET"),
        ("s3:bucket", "must begin with s3://BUCKET"),
        ("s3://key:secret@bucket", "must have no key"),
        ("s3://bucket?acl=public", "has an unknown option 'acl'"),
        ("s3://bucket?credentials=file", "has an unknown value of credentials"),
        ("s3://bucket?endpoint=ftp://host", "needs an endpoint that begins with https:// or http://"),
    ],
)
def test_another_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_object_url(text)
