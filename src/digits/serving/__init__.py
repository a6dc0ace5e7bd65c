"""Use trained models: promotion, prediction, and the HTTP server with its page. No DVC stage imports this."""
