"""The page's server in parts: who may come in (`guard`), REST (`rest`), the live WebSocket (`hub`, `client`,
`messages`), the preview (`preview`), and the page itself (`static/`, plain files without a build step)."""
