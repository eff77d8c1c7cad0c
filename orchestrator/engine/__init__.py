"""The domain-neutral bulk engine: it knows items, never HTTP and never a vendor."""
