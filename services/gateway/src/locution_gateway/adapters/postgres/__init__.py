"""All SQL on the schema `gateway`."""
