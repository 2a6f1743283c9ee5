"""Pulumi's language host for Python, in Python: runs programs and policy packs for an engine that was built here.

The official engine brings `pulumi-language-python`; the Go module proxy has none that works with a current SDK
(docs/decisions). This one speaks the same protocol, whose definitions ship in the `pulumi` package, and starts programs
with the SDK's own `pulumi-language-python-exec`.

    python -m rehearsal.language_host --exec FILE [flags of the engine] ENGINE_ADDRESS

The engine starts it, reads the port from the first line of its output, and ends it. When the engine dies without ending
it, it ends itself and its programs.
"""
