"""Recording in MLflow. Its modules import MLflow, except those that read thousands of runs."""
