"""The contact repository: who is here, how to reach them, and with which certificate; as mail, files and bundles.

`repository` is the file to read first: it says what is known. `formats` writes it down, one module for each form.
"""
