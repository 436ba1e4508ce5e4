"""The schema's history. Forward only: a step that landed is never edited, a mistake is mended by a further step."""
