"""Four regions on this machine, from ``template.yaml``, without an AWS account and without a container."""
