"""The dashboard's pages: each a typed view of what is stored, drawn as HTML and told as JSON. Knows no devices, no REST."""
