"""report.html: what runs found, as one file that needs no network and no script."""
