"""Kubernetes: look at Deployments, StatefulSets and DaemonSets, and change them with a precondition that the API server enforces.

I lean on core and `executors.base`; the official client gives me the connection, never its typed models, which drop fields that
they do not know. Decision: the API server is asked the same way for all three kinds (strategic merge with `$patch: replace`, the
resourceVersion of the look behind the decision, an annotation that names our operation), so that "did it land?" is read from the
object itself and a repeat is harmless.
"""
