"""Grafana's dashboards as data: one file a dashboard, one file that turns them into Grafana's JSON."""
