"""What watches, reports and saves while a model trains."""
