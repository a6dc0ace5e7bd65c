"""Compare runs: rankings, tables, figures, and MLflow's pages. No DVC stage imports this package."""
