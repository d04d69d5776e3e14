"""The daily report: what was spent, where money was lost, and what to do about it.

The figures are the tables `report_*` of the dbt project. Belongs here: the classes of models that may stand
for each other, what the page says, and how it looks. No orchestrator.
"""
