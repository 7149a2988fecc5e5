"""The Agent Server API, one module a resource.

An endpoint parses, calls one method, and answers. Policy is in the domain modules; the wire's
shapes are in `wire.py`, its streams in `sse.py`.
"""
