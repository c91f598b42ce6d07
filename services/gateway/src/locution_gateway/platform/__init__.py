"""What capabilities share: the tenant database, pages, filters, masks, etags, requests, background tasks."""
