"""Between the public proto and the domain, a module for each resource."""
