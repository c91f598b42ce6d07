"""What the capabilities share: tenants and their database, pages, filters, masks, etags, requests, background tasks."""
