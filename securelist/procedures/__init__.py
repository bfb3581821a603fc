"""The two ways onto the list, by mail: a ccTLD's Admin Contact is invited, or somebody asks to become an SSC.

Commands and answers only change rows; `rounds` looks at the rows and the time, and writes the letters that are due.
"""
