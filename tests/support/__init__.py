"""What the tests of the whole system share: a stack of their own, an editor, a buyer, a webhook receiver."""
