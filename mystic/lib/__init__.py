"""Topics that every app uses; nothing here imports an app."""
