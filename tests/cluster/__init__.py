"""The chart on a real Kubernetes: `make test-cluster` builds one node, installs Locution on it and checks it."""
