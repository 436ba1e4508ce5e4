"""The gateway: speaks to browsers, checks what they may do, commits it, and tells everybody on the page."""
