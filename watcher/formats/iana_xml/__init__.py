"""iana_xml."""
