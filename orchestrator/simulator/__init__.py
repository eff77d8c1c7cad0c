"""A stand-in of the DCS migration API: a core without I/O, and a loopback server around it.

It imports nothing of the other storeys: a service that shared the client's code would share its mistakes.
"""
