"""Parts of cards: one description of what is shown, as HTML, as text and as JSON."""
