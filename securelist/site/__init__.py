"""The public site: how far the list reaches, how to join, and the list's certificate. Nothing in it is about a person.

`whole` is the file to read first; `folder` puts the files where a web server finds them.
"""
