"""The policy pack: what no plan may do, whoever wrote it. Pulumi's engine asks it about every resource before it is touched."""
