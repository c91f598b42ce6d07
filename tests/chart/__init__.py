"""Tests of the Helm chart and of the images, on rendered manifests alone: no cluster is needed."""
