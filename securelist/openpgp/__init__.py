"""OpenPGP (RFC 9580), each library in one module: GnuPG keeps the secret key, GnuPG and Sequoia judge, PGPy knows packets.

No cryptography of our own is in here, only the framing of packets and the order in which the libraries are asked.
"""
