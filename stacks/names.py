"""What a stack calls the application, its migration and their namespace, on AWS and on any other cluster."""

from infra.naming import PROJECT

APP = "app"
NAMESPACE = PROJECT
MIGRATE = "database-migrate"
