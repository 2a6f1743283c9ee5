"""Alarms in CloudWatch for what Prometheus cannot see: managed services, gateways, load balancers, certificates, backups."""
