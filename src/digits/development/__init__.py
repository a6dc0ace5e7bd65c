"""For those who work on the project, or begin one of their own. No DVC stage imports this package."""
