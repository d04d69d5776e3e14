"""Raw LLM call records in; trusted operations metrics, cost attribution and bills out.

Business logic lives in the sub-packages and knows nothing of the orchestrator; only
`llmops_assets.defs` speaks Dagster.
"""
