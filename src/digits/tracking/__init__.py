"""Recording in MLflow. Its modules import MLflow."""
