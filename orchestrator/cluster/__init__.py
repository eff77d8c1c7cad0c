"""What a Kubernetes cluster needs to run a job file: a room of the top storey, known to the command line only."""
