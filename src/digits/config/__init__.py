"""The configuration: its schemas, and its composition from params.yaml, conf/ and the command line."""
