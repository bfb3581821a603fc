"""Mail as it comes and goes on the wire: addresses, RFC 5322 headers, MIME entities by their bytes, SMTP and LMTP in."""
